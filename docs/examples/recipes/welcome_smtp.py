"""A welcome email through an SMTP server. Serve it with ``gunicorn welcome_smtp:app``."""

import os
import smtplib
from email.message import EmailMessage

from flask import Flask

from clerk_hooks import AbortDelivery, Delivery, Endpoint, Router
from clerk_hooks.adapters.flask import clerk_blueprint
from clerk_hooks.events import UserCreated

HOST = os.environ.get("SMTP_HOST", "localhost")
PORT = int(os.environ.get("SMTP_PORT", "25"))
SENDER = os.environ.get("SMTP_SENDER", "hello@example.com")

router = Router()


def message_for(event: UserCreated, delivery: Delivery) -> EmailMessage:
    """The email, whose id is the same on every attempt: a mailbox can tell that it came twice."""
    user = event.data
    if user.primary_email is None:
        raise AbortDelivery("this user has no address to write to")
    message = EmailMessage()
    message["From"] = SENDER
    message["To"] = user.primary_email
    message["Subject"] = "Welcome"
    message["Message-ID"] = f"<{delivery.message_id}@{SENDER.partition('@')[2]}>"
    message.set_content(f"Hello {user.first_name or 'there'}, it is good to have you.\n")
    return message


@router.on("user.created")
def welcome(event: UserCreated, delivery: Delivery) -> None:
    """Write to a user who has just signed up."""
    message = message_for(event, delivery)
    try:
        with smtplib.SMTP(HOST, PORT, timeout=10) as server:  # Svix waits 15 s for the reply.
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        if all(code >= 500 for code in codes):  # 4xx is for now, 5xx for good (RFC 5321, 4.2.1).
            raise AbortDelivery("the mail server refuses this address") from error
        raise


app = Flask(__name__)
app.register_blueprint(clerk_blueprint(Endpoint(router), "/webhooks/clerk"))
