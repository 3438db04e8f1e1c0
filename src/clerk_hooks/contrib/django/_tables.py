"""The names that Django gives the tables. It cannot import models before it has loaded its apps."""

CLAIMS = "clerk_hooks_claim"
MARKS = "clerk_hooks_mark"
MESSAGES = "clerk_hooks_message"
MESSAGES_INDEX = "clerk_hooks_message_due_at"
WORKERS = "clerk_hooks_worker"
