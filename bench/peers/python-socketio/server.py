"""The room server on python-socketio and uvicorn with uvloop: `join` with a room's name enters it and acks, `pub` with
an object `{room, ...}` goes to that room as `msg`. Written as its documentation shows it, with nothing tuned."""

import sys

import socketio
import uvicorn

sio = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])


@sio.event
async def join(sid, room):
    await sio.enter_room(sid, room)


@sio.event
async def pub(sid, event):
    await sio.emit("msg", event, room=event["room"])


port = int(sys.argv[sys.argv.index("--port") + 1])
uvicorn.run(socketio.ASGIApp(sio), host="127.0.0.1", port=port, loop="uvloop", backlog=4096, log_level="warning")
