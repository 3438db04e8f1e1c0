"""Lambdas as handlers. This file is checked, never run.

No checker derives the types of their parameters, and pyright's strict mode says so.
"""
# pyright: standard

from clerk_hooks import Router

router = Router()

router.on("user.created")(lambda event: None)
router.on("user.created")(lambda event: event.data.primary_email)
router.on("user.created")(lambda event, delivery: print(event.data.id, delivery.message_id))
router.on("user.*", name="a name")(lambda event, delivery=None: None)
router.on("*")(lambda *arguments: None)
router.on("user.created", "user.updated")(lambda event: event.data.primary_email)
router.on("user.created", "session.created")(lambda event: event.data.id)
router.on_unknown("user.promoted")(lambda event: event.data)
