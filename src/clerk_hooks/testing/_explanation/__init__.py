"""Why a delivery is refused: common mistakes, each tried against the signature."""
