"""python-socketio's client, driven by foreign-clients.test.mjs: joins, types, and prints every event it gets.

usage: socketio_client.py URL TOKEN CHANNEL_ID sync|websocket|polling|upgrade
"""

import asyncio
import json
import sys

import socketio

PATH = "/ws/socket.io"
TRANSPORTS = {
    "websocket": ["websocket"],
    "polling": ["polling"],
    "upgrade": ["polling", "websocket"],
}


def say(kind, value):
    print(json.dumps({"kind": kind, "value": value}), flush=True)


def typing(channel):
    data = {"type": "typing", "data": {"typing": True}}
    return {"channel_id": channel, "message_id": None, "data": data}


def is_message(event):
    return event["data"]["type"] == "message"


def run_sync(url, token, channel):
    client = socketio.Client()
    client.on("events:channel", lambda event: say("event", event))
    client.connect(url, auth={"token": token}, socketio_path=PATH, transports=["websocket"])
    say("joined", client.call("user-join", {"auth": {"token": token}}))
    client.emit("events:channel", typing(channel))
    sys.stdin.readline()
    client.disconnect()


async def run_async(url, token, channel, mode):
    client = socketio.AsyncClient()
    got_message = asyncio.Event()

    @client.on("events:channel")
    async def on_channel(event):
        say("event", event)
        if is_message(event):
            got_message.set()

    await client.connect(
        url, auth={"token": token}, socketio_path=PATH, transports=TRANSPORTS[mode]
    )
    say("joined", await client.call("user-join", {"auth": {"token": token}}))
    await client.emit("events:channel", typing(channel))
    await asyncio.wait_for(got_message.wait(), 15)
    say("transport", client.transport())
    await client.disconnect()


def main():
    url, token, channel, mode = sys.argv[1:]
    if mode == "sync":
        run_sync(url, token, channel)
    else:
        asyncio.run(run_async(url, token, channel, mode))


main()
