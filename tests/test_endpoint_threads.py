"""Many threads and one `Endpoint`; the newer Pythons have builds in which they run at once."""

import threading
from collections import Counter

from clerk_hooks import Delivery, Endpoint, MemoryStore, Router, sign
from clerk_hooks.testing import sample

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
THREADS = 1_000


def test_a_thousand_threads_deliver_to_one_endpoint_and_each_message_is_handled_once() -> None:
    router = Router()
    handled: list[str] = []

    @router.on("user.created", drop_stale=True)
    def handler(event: object, delivery: Delivery) -> None:
        handled.append(delivery.message_id)

    endpoint = Endpoint(router, secret=SECRET, store=MemoryStore())
    replies: list[tuple[str, int]] = []
    begin = threading.Barrier(THREADS)

    def deliver(number: int) -> None:
        begin.wait(60)
        for message_id, user_id in ((f"msg_{number}", f"user_{number}"), ("msg_all", "user_all")):
            body = sample("user.created", {"id": user_id}).model_dump_json()
            reply = endpoint.receive(body, sign(body, secret=SECRET, message_id=message_id))
            replies.append((message_id, reply.status))

    threads = [threading.Thread(target=deliver, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    statuses = Counter(replies)
    assert Counter(handled) == dict.fromkeys(
        [*(f"msg_{number}" for number in range(THREADS)), "msg_all"], 1
    )
    assert {statuses[f"msg_{number}", 200] for number in range(THREADS)} == {1}
    assert statuses["msg_all", 200] + statuses["msg_all", 409] == THREADS
