"""What a misspelt name is answered with."""

import pytest

from clerk_hooks.spelling import did_you_mean

CHOICES = ["user.created", "organizationMembership.created", "first_name"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("user.creted", "user.created"),
        ("USER.CREATED", "user.created"),
        ("organization_membership.created", "organizationMembership.created"),
        ("frist_name", "first_name"),
        ("firstName", "first_name"),
    ],
)
def test_the_closest_choice_is_suggested_as_it_is_spelt(text: str, meant: str) -> None:
    assert did_you_mean(text, CHOICES) == f": did you mean {meant!r}?"


@pytest.mark.parametrize("text", ["", "invoice.paid", "漢字"])
def test_nothing_is_suggested_where_no_choice_is_close(text: str) -> None:
    assert did_you_mean(text, CHOICES) == ""
    assert did_you_mean(text, []) == ""
