"""``torch.testing``: comparing in tests."""

from refgrad.testing.comparison import assert_close

__all__ = ["assert_close"]
