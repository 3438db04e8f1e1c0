"""The names that Django gives the tables. It cannot import models before it has loaded its apps."""

CLAIMS = "clerk_hooks_claim"
MARKS = "clerk_hooks_mark"
