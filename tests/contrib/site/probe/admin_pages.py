"""``python -m probe.admin_pages``: the pages of the admin, as users with permissions see them.

All requests would be in a transaction (ATOMIC_REQUESTS).
"""

from __future__ import annotations

from datetime import timedelta

import django

django.setup()

from django.contrib.admin.models import LogEntry  # noqa: E402
from django.contrib.auth.models import Permission, User  # noqa: E402
from django.db import connections  # noqa: E402
from django.test import Client  # noqa: E402

from clerk_hooks import Delivery  # noqa: E402
from clerk_hooks.contrib.django import DjangoInbox, DjangoStore  # noqa: E402
from clerk_hooks.contrib.django.models import Claim, Mark, Message, Worker  # noqa: E402
from clerk_hooks.idempotency import ObjectVersion  # noqa: E402
from clerk_hooks.messages import Selection, Step  # noqa: E402

LEASE = timedelta(seconds=60)
LIST = "/admin/clerk_hooks/message/"
inbox = DjangoInbox()


def client_of(name: str, *permissions: str, is_superuser: bool = False) -> Client:
    """A client of a user of the admin with these permissions."""
    User.objects.filter(username=name).delete()
    user = User.objects.create(username=name, is_staff=True, is_superuser=is_superuser)
    found = Permission.objects.filter(
        content_type__app_label="clerk_hooks", codename__in=permissions
    )
    assert len(found) == len(permissions), [*Permission.objects.values_list("codename", flat=True)]
    user.user_permissions.set(found)
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)
    return client


def store_pages(client: Client) -> None:
    """The pages of claims and marks, and that of workers, change nothing."""
    store = DjangoStore()
    version = ObjectVersion("user", "user_admin", 1700000000000, False, frozenset({"h"}))
    token = store.claim("msg_admin", ["h"], LEASE, version).token
    store.confirm("msg_admin", "h", token, version)
    store.claim("msg_running", ["h"], LEASE)
    inbox.beat("worker_admin", 10, 3)
    shown = {Claim: b"msg_admin", Mark: b"user user_admin", Worker: b"worker_admin"}
    for model, text in shown.items():
        url = f"/admin/clerk_hooks/{model._meta.model_name}/"
        page = client.get(url)
        assert page.status_code == 200, page.content
        assert text in page.content
        assert f"{url}add/".encode() not in page.content
        row = f"{url}{model.objects.latest('id').pk}/"
        assert client.get(row + "change/").status_code == 200
        assert client.post(row + "change/", {}).status_code == 403
        assert client.post(row + "delete/", {"post": "yes"}).status_code == 403
        assert client.get(url + "add/").status_code == 403
        assert b"delete_selected" not in page.content
    assert client.get("/admin/clerk_hooks/claim/?q=admin").status_code == 200
    assert client.get("/admin/clerk_hooks/mark/?q=admin").status_code == 200
    assert Claim.objects.filter(message_id__in=["msg_admin", "msg_running"]).count() == 2


def fill() -> None:
    """Messages in each state; one that waits has killed its worker, and was given back."""
    Message.objects.all().delete()
    payload = b'{"type": "user.created", "data": {"id": "user_private"}}'
    for name in ("dead", "done", "running", "waiting", "unsettled"):
        inbox.put(Delivery(f"msg_{name}", 1700000000, payload))
        if name == "waiting":
            continue
        (message,) = inbox.take(1, LEASE, message_id=f"msg_{name}")
        if name == "dead":
            inbox.settle(message, Step("dead", reason="no such plan", done=("app.save",)))
        elif name == "done":
            inbox.settle(message, Step("done"))
        elif name == "unsettled":
            message = message._replace(takes=2)
            inbox.settle(message, Step("retry", 999.0, is_counted=False))


def act(client: Client, action: str, *names: str, **more: str) -> str:
    """What the list says after an action on messages."""
    rows = Message.objects.filter(message_id__in=[f"msg_{name}" for name in names])
    selected = {"_selected_action": [row.pk for row in rows]}
    data = {"action": action, **selected, **more}
    page = client.post(LIST, data, follow=True)
    assert page.status_code == 200
    return page.content.decode()


def states() -> dict[str, str]:
    records = inbox.list(Selection(), 9)
    return {record.message_id[4:]: record.state for record in records}


def inbox_pages(client: Client) -> None:
    """The list and the page of a message show all but its payload."""
    fill()
    page = client.get(LIST).content.decode()
    assert page.count('field-shown_state">waiting<') == 2
    for text in ("msg_dead", "user.created", "no such plan", 'field-shown_state">running<'):
        assert text in page
    assert f"{LIST}add/" not in page
    waiting = client.get(LIST + "?state=waiting").content.decode()
    assert "msg_unsettled" in waiting
    assert "msg_waiting" in waiting
    assert "msg_dead" not in waiting
    assert "msg_dead" not in client.get(LIST + "?event_type=user.updated").content.decode()
    assert "msg_dead" in client.get(LIST + "?q=msg_de").content.decode()
    row = f"{LIST}{Message.objects.get(message_id='msg_dead').pk}/"
    detail = client.get(row + "change/").content.decode()
    assert "app.save" in detail
    assert "no such plan" in detail
    assert "user_private" not in page + waiting + detail
    assert client.post(row + "change/", {}).status_code == 403


def actions() -> None:
    """Who has the permission may retry, or delete; nobody else."""
    everything = ("dead", "done", "running", "waiting", "unsettled")
    fill()
    before = states()
    viewer = client_of("viewer", "view_message")
    assert 'value="retry"' not in viewer.get(LIST).content.decode()
    act(viewer, "retry", *everything)
    act(viewer, "delete_selected", *everything, post="yes")
    row = f"{LIST}{Message.objects.get(message_id='msg_dead').pk}/"
    assert viewer.post(row + "delete/", {"post": "yes"}).status_code == 403
    assert states() == before
    due = {record.message_id: record.due_at for record in inbox.list(Selection(), 9)}

    retrier = client_of("retrier", "view_message", "retry_message")
    assert "Due now: 3. Messages that run or are done stay" in act(retrier, "retry", *everything)
    act(retrier, "delete_selected", *everything, post="yes")
    assert states() == {**before, "dead": "waiting"}
    assert inbox.show("msg_unsettled").due_at < due["msg_unsettled"]
    assert inbox.show("msg_dead").done == ("app.save",)
    assert "Due now: 0." in act(retrier, "retry", "done")
    assert LogEntry.objects.filter(user__username="retrier").count() == 3

    deleter = client_of("deleter", "view_message", "delete_message")
    act(deleter, "retry", "waiting")
    assert "Are you sure" in act(deleter, "delete_selected", "dead", "done")
    assert len(states()) == 5
    act(deleter, "delete_selected", "dead", "done", post="yes")
    assert {*states()} == {"running", "waiting", "unsettled"}


def main() -> None:
    connections["default"].settings_dict["ATOMIC_REQUESTS"] = True
    client = client_of("admin", is_superuser=True)
    store_pages(client)
    inbox_pages(client)
    actions()
    print("as expected")


if __name__ == "__main__":
    main()
