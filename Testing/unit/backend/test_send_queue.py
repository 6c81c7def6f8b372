"""Messages that wait to be sent."""

import asyncio
import threading

from medsam2.backend.send_queue import FULL_BYTES, ROOM_BYTES, SendQueue
from medsam2.protocol import Chunk, Done, Error, decode
from unit.backend.examples import in_loop


async def taken(send_queue: SendQueue, count: int) -> list:
    messages = []
    for _ in range(count):
        messages.append(decode(await send_queue.next()))
        send_queue.sent()
    return messages


@in_loop
async def test_messages_come_out_in_order():
    send_queue = SendQueue(asyncio.get_running_loop())
    for id in range(5):
        send_queue.put(Done(id))
    assert await taken(send_queue, 5) == [Done(id) for id in range(5)]
    assert send_queue.empty


@in_loop
async def test_messages_of_another_thread_wake_the_one_who_waits():
    send_queue = SendQueue(asyncio.get_running_loop())

    def put():
        for id in range(500):
            send_queue.put(Done(id))

    thread = threading.Thread(target=put)
    waiting = asyncio.create_task(taken(send_queue, 500))
    await asyncio.sleep(0.01)
    thread.start()
    assert await waiting == [Done(id) for id in range(500)]
    thread.join()


@in_loop
async def test_a_message_counts_until_it_was_sent():
    send_queue = SendQueue(asyncio.get_running_loop())
    send_queue.put(Chunk(1, 0, bytes(ROOM_BYTES)))
    assert not send_queue.has_room()
    await send_queue.next()
    assert not send_queue.has_room()
    assert not send_queue.empty
    send_queue.sent()
    assert send_queue.has_room()
    assert send_queue.empty


@in_loop
async def test_it_is_full_later_than_it_has_no_room():
    send_queue = SendQueue(asyncio.get_running_loop())
    while not send_queue.full:
        send_queue.put(Chunk(1, 0, bytes(ROOM_BYTES // 2)))
    assert not send_queue.has_room()
    sizes = 0
    while not send_queue.empty:
        sizes += len(await send_queue.next())
        send_queue.sent()
    assert sizes >= FULL_BYTES
    assert not send_queue.full


@in_loop
async def test_who_made_room_is_told_whenever_the_room_went():
    """Also when it went while the message was being written: the worker may wait for that."""
    send_queue = SendQueue(asyncio.get_running_loop())
    half = Chunk(1, 0, bytes(ROOM_BYTES // 2))
    send_queue.put(half)
    await send_queue.next()
    assert send_queue.has_room()
    send_queue.put(half)
    assert not send_queue.has_room()
    assert send_queue.sent()
    await send_queue.next()
    assert not send_queue.sent()


@in_loop
async def test_the_last_message_is_the_last():
    send_queue = SendQueue(asyncio.get_running_loop())
    send_queue.put(Done(1))
    send_queue.close(Error(0, "expired", ""))
    send_queue.put(Done(2))
    send_queue.close(Done(3))
    assert await taken(send_queue, 2) == [Done(1), Error(0, "expired", "")]
    assert send_queue.empty


@in_loop
async def test_a_lost_connection_takes_nothing_more():
    send_queue = SendQueue(asyncio.get_running_loop())
    send_queue.put(Chunk(1, 0, bytes(ROOM_BYTES)))
    send_queue.clear()
    send_queue.put(Done(2))
    assert send_queue.empty
    assert send_queue.has_room()


def test_messages_after_the_end_of_the_loop_are_lost_without_an_error():
    loop = asyncio.new_event_loop()
    send_queue = SendQueue(loop)
    send_queue.clear()
    loop.close()
    send_queue.put(Done(1))
