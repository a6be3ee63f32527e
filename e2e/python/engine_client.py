"""python-socketio's clients, driven by engine-clients.test.mjs: does what they can do and prints what came of it.

usage: engine_client.py URL TOKEN [sync-]polling|websocket|upgrade
"""

import asyncio
import json
import sys

import socketio

TRANSPORTS = {
    "polling": ["polling"],
    "websocket": ["websocket"],
    "upgrade": ["polling", "websocket"],
}
NAMESPACES = ["/", "/members"]
MESSAGE = {"text": "blåbær", "bytes": bytes(range(5)), "list": [1, None, True]}


class Script:
    """One story for both kinds of client: what they answer is awaited where it has to be."""

    def __init__(self, client, url, token, transports):
        self.client, self.url, self.token, self.transports = client, url, token, transports
        self.welcomes, self.noted, self.refused = [], [], None

    async def result(self, value):
        return await value if asyncio.iscoroutine(value) else value

    def connect(self, token):
        return self.client.connect(
            self.url, auth={"token": token}, transports=self.transports, namespaces=NAMESPACES, wait_timeout=10
        )

    def listen(self):
        for namespace in NAMESPACES:
            self.client.on("welcome", self.welcomes.append, namespace=namespace)
        self.client.on("connect_error", self.on_refused, namespace="/members")
        self.client.on("question", lambda question: {"question": question, "answer": "because"})
        self.client.on("noted", lambda *args: self.noted.extend(args))

    def on_refused(self, error):
        self.refused = error

    async def run(self):
        self.listen()
        try:
            await self.result(self.connect("wrong"))
        except socketio.exceptions.ConnectionError:
            pass
        await self.result(self.client.disconnect())
        self.welcomes.clear()
        await self.result(self.connect(self.token))
        echo = await self.result(self.client.call("echo", MESSAGE, timeout=10))
        try:
            silence = await self.result(self.client.call("silence", timeout=0.1))
        except socketio.exceptions.TimeoutError:
            silence = "timeout"
        asked = await self.result(self.client.call("ask", "why", timeout=10))
        await self.result(self.client.emit("note", ("one", b"bytes")))
        await self.result(self.client.call("echo", "what came before is here", timeout=10))
        transport = self.client.transport()
        await self.result(self.client.disconnect())
        return {
            "refused": self.refused,
            "welcomes": self.welcomes,
            "echo": {**echo, "bytes": echo["bytes"].hex()},
            "silence": silence,
            "asked": asked,
            "noted": [self.noted[0], self.noted[1].hex()],
            "transport": transport if isinstance(transport, str) else transport(),
        }


def main():
    url, token, mode = sys.argv[1:]
    kind, _, transport = mode.rpartition("-")
    client = socketio.Client() if kind == "sync" else socketio.AsyncClient()
    print(json.dumps(asyncio.run(Script(client, url, token, TRANSPORTS[transport]).run())))


main()
