"""What the project does with Clerk's events."""

from clerk_hooks import Router
from clerk_hooks.events import UserCreated

router = Router()


@router.on("user.created")
def welcome(event: UserCreated) -> None:
    """Send a long mail; a worker of Celery does it."""
    print(f"welcome {event.data.primary_email}")
