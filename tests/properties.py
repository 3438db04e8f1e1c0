"""How many examples property tests try."""

from hypothesis import settings


def examples(number: int) -> settings:
    """The settings of a test that tries `number` examples in CI, and a fifth of them by hand."""
    return settings(max_examples=max(5, number * settings.default.max_examples // 100))
