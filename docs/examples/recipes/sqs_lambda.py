"""AWS Lambda runs the handlers of what an SQS queue has. Its handler is ``sqs_lambda.handler``."""

import logging
from typing import TypedDict

from clerk_hooks import ClerkHooksError, Delivery, Processor, Router
from clerk_hooks.events import UserCreated


class Record(TypedDict):
    """A message of the queue, as Lambda passes it."""

    messageId: str
    body: str


class Batch(TypedDict):
    """What Lambda calls the function with."""

    Records: list[Record]


class Failure(TypedDict):
    """A message that SQS keeps."""

    itemIdentifier: str


router = Router()
processor = Processor(router)


@router.on("user.created")
def welcome(event: UserCreated) -> None:
    """Greet a user who has just signed up."""
    print("welcome", event.data.primary_email)


def handler(batch: Batch, _: object) -> dict[str, list[Failure]]:
    """Run the handlers of each delivery, and name those that SQS is to keep and send again."""
    failures: list[Failure] = []
    for record in batch["Records"]:
        try:
            processor.process(Delivery.from_json(record["body"]))
        except ClerkHooksError as error:
            logging.getLogger(__name__).warning("SQS %s: %s", record["messageId"], error)
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
