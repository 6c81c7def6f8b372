"""Messages that wait to be sent."""

import asyncio
import threading

from medsam2.backend.outbox import FULL_BYTES, ROOM_BYTES, Outbox
from medsam2.protocol import Chunk, Done, Error, decode
from unit.backend.examples import in_loop


async def taken(outbox: Outbox, count: int) -> list:
    messages = []
    for _ in range(count):
        messages.append(decode(await outbox.next()))
        outbox.sent()
    return messages


@in_loop
async def test_messages_come_out_in_order():
    outbox = Outbox(asyncio.get_running_loop())
    for id in range(5):
        outbox.put(Done(id))
    assert await taken(outbox, 5) == [Done(id) for id in range(5)]
    assert outbox.empty


@in_loop
async def test_messages_of_another_thread_wake_the_one_who_waits():
    outbox = Outbox(asyncio.get_running_loop())

    def put():
        for id in range(500):
            outbox.put(Done(id))

    thread = threading.Thread(target=put)
    waiting = asyncio.create_task(taken(outbox, 500))
    await asyncio.sleep(0.01)
    thread.start()
    assert await waiting == [Done(id) for id in range(500)]
    thread.join()


@in_loop
async def test_a_message_counts_until_it_was_sent():
    outbox = Outbox(asyncio.get_running_loop())
    outbox.put(Chunk(1, 0, bytes(ROOM_BYTES)))
    assert not outbox.has_room()
    await outbox.next()
    assert not outbox.has_room()
    assert not outbox.empty
    outbox.sent()
    assert outbox.has_room()
    assert outbox.empty


@in_loop
async def test_it_is_full_later_than_it_has_no_room():
    outbox = Outbox(asyncio.get_running_loop())
    while not outbox.full:
        outbox.put(Chunk(1, 0, bytes(ROOM_BYTES // 2)))
    assert not outbox.has_room()
    sizes = 0
    while not outbox.empty:
        sizes += len(await outbox.next())
        outbox.sent()
    assert sizes >= FULL_BYTES
    assert not outbox.full


@in_loop
async def test_who_made_room_is_told_whenever_the_room_went():
    """Also when it went while the message was being written: the worker may wait for that."""
    outbox = Outbox(asyncio.get_running_loop())
    half = Chunk(1, 0, bytes(ROOM_BYTES // 2))
    outbox.put(half)
    await outbox.next()
    assert outbox.has_room()
    outbox.put(half)
    assert not outbox.has_room()
    assert outbox.sent()
    await outbox.next()
    assert not outbox.sent()


@in_loop
async def test_the_last_message_is_the_last():
    outbox = Outbox(asyncio.get_running_loop())
    outbox.put(Done(1))
    outbox.close(Error(0, "expired", ""))
    outbox.put(Done(2))
    outbox.close(Done(3))
    assert await taken(outbox, 2) == [Done(1), Error(0, "expired", "")]
    assert outbox.empty


@in_loop
async def test_a_lost_connection_takes_nothing_more():
    outbox = Outbox(asyncio.get_running_loop())
    outbox.put(Chunk(1, 0, bytes(ROOM_BYTES)))
    outbox.clear()
    outbox.put(Done(2))
    assert outbox.empty
    assert outbox.has_room()


def test_messages_after_the_end_of_the_loop_are_lost_without_an_error():
    loop = asyncio.new_event_loop()
    outbox = Outbox(loop)
    outbox.clear()
    loop.close()
    outbox.put(Done(1))
