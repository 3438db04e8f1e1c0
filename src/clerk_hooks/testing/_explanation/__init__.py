"""Why a delivery is refused: what commonly goes wrong, each tried against the signature."""
