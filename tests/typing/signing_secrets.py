"""What type checkers know of signing secrets in all their forms: checked, never run."""

from collections.abc import Callable

from pydantic import SecretBytes, SecretStr

from clerk_hooks import Endpoint, Router, SvixVerifier, Verifier, sign, verify
from clerk_hooks.testing import explain


def fetch() -> SecretStr:
    return SecretStr("whsec_...")


def each_form_is_a_secret(held: SecretStr, headers: dict[str, str], router: Router) -> None:
    Verifier(held)
    SvixVerifier(SecretBytes(b"whsec_..."))
    Endpoint(router, secret=fetch)
    verify(b"{}", headers, secret=lambda: "whsec_...")
    sign(b"{}", secret=lambda: b"whsec_...")
    explain(b"{}", headers, secret=held, other_secrets=[fetch])


def several_may_be_of_different_forms(held: SecretStr) -> None:
    Verifier([held, "whsec_...", b"whsec_...", fetch])
    Verifier((held,))
    Verifier(each for each in ("whsec_...", held))


def other_things_are_no_secret(needs: Callable[[str], str]) -> None:
    Verifier(5)  # type: ignore[arg-type]
    Verifier([5])  # type: ignore[list-item]
    Verifier(needs)  # type: ignore[arg-type]
    Verifier(lambda: 5)  # type: ignore[arg-type]
