/**
 * A channel in the terminal: shows its messages, goes on through restarts of the server, and posts what is typed, also
 * while there is no connection.
 *
 *   npm run build -w packages/client
 *   node packages/client/examples/room.mjs http://127.0.0.1:8080 ada@example.com 'correct horse' general
 */
import { createInterface } from 'node:readline';
import { createApi, createTidings } from '@tidings/client/node';

const [url, email, password, name] = process.argv.slice(2);
if (!name) {
	console.error('usage: node room.mjs URL EMAIL PASSWORD CHANNEL');
	process.exit(2);
}

const { token } = await createApi({ baseUrl: url }).auth.signIn(email, password);
const tidings = createTidings({ url, token: () => token });
const channel = (await tidings.api.channels.list()).find((one) => one.name === name);
if (!channel) {
	console.error(`there is no channel ${name}`);
	process.exit(1);
}

/** What is on screen, by number: a snapshot, and the events that follow it. */
const shown = new Map();

function show(message) {
	const old = shown.get(message.no);
	shown.set(message.no, message.content);
	if (old === undefined) console.log(`${message.no} ${message.user?.name ?? ''}: ${message.content}`);
	else if (old !== message.content) console.log(`${message.no} now reads: ${message.content}`);
}

const messages = tidings.view({
	rooms: [`channel:${channel.id}`],
	load: (signal) => tidings.api.snapshots.messages(channel.id, 0, 50, signal),
	replace: (page) => page.toReversed().forEach(show),
	apply: ({ name, payload }) => {
		if (name !== 'events:channel') return;
		const { type, data } = payload.data;
		if (type === 'message' && data.parent_id === null) show(data);
		else if (type === 'message:update' && shown.has(data.no)) show(data);
		else if (type === 'message:delete' && shown.delete(data.no)) console.log(`${data.no} was deleted`);
	},
});

tidings.onState(({ phase }) => console.log(`-- ${phase}`));
tidings.outbox.onChange((entries) => {
	for (const { state, reason, note } of entries)
		if (state === 'failed') console.log(`-- not sent: ${note.content} (${reason})`);
});
messages.open();
tidings.start();

for await (const line of createInterface({ input: process.stdin })) {
	if (line.trim() !== '') await tidings.commands.post(channel.id, { content: line });
}
// The end of the input: everything that was typed is sent before this ends.
await Promise.allSettled(tidings.outbox.entries.map(({ id }) => tidings.outbox.sent(id)));
tidings.stop();
