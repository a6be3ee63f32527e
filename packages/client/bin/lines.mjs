#!/usr/bin/env node
/**
 * Clients for programs in other languages, as many as one likes in one process: commands come in as lines of JSON, and
 * what the clients see goes out as lines of JSON. Ends with its input.
 *
 *   node packages/client/bin/lines.mjs http://127.0.0.1:8080
 *
 *   < {"do":"open","client":"c1","token":"…"}            follows every channel that its person may see, from now on
 *   < {"do":"post","client":"c1","channel":"…","content":"…","ref":"r1"}
 *   < {"do":"edit","client":"c1","channel":"…","message":"…","content":"…","ref":"r2"}
 *   < {"do":"delete","client":"c1","channel":"…","message":"…","ref":"r3"}
 *   < {"do":"show","client":"c1","channel":"…","ref":"r4"}
 *   < {"do":"wake","client":"c1"}                        asks, or connects at once
 *   < {"do":"close","client":"c1"}
 *   < {"do":"hush","ref":"r5"}                           while the server is gone: says when nothing of it can arrive any more
 *
 *   > {"client":"c1","kind":"state","phase":"live","transport":"websocket"}
 *   > {"client":"c1","kind":"event","name":"events:channel","type":"message","room":"…","seq":7,"at":…,"message":"…"}
 *   > {"client":"c1","kind":"caught_up","first":false,"refetch":[],"left":[]}
 *   > {"client":"c1","kind":"view","channel":"…","phase":"repairing"}
 *   > {"client":"c1","kind":"kept","ref":"r1","id":"…"}   it will be sent, once; or "refused" with a reason
 *   > {"client":"c1","kind":"sent","ref":"r1","id":"…","message":"…"}, or "failed" with status, code and reason
 *   > {"client":"c1","kind":"shows","ref":"r4","channel":"…","connection":"live","phase":"live",
 *     "messages":[{"no":1,"id":"…","content":"…"}]}
 *   > {"kind":"silent","ref":"r5"}
 */
import { createInterface } from 'node:readline';
import { createTidings } from '@tidings/client/node';

const [url] = process.argv.slice(2);
if (!url) {
	console.error('usage: node lines.mjs URL');
	process.exit(2);
}

/** How many messages of a channel are held. */
const PAGE = 200;

const clients = new Map();
/** What is asked over HTTP just now, by anybody. */
const asked = new Set();

/** Answers come as a whole: when nothing is asked, nothing is on the wire. */
async function whole(input, init) {
	const answer = fetch(input, init).then(async (response) => {
		const body = await response.arrayBuffer();
		return new Response(body.byteLength > 0 ? body : null, response);
	});
	asked.add(answer);
	try {
		return await answer;
	} finally {
		asked.delete(answer);
	}
}

/** Waits until what is asked has ended, and until each client was seen without any connection, not even an attempt. */
async function hush(ref) {
	await Promise.allSettled([...asked]);
	const busy = new Set(clients.values());
	do {
		await new Promise((resolve) => setTimeout(resolve, 5));
		for (const client of busy) {
			const { phase, retryAt } = client.tidings.state;
			if (phase === 'closed' || (phase === 'offline' && retryAt !== null)) busy.delete(client);
		}
	} while (busy.size > 0);
	console.log(JSON.stringify({ kind: 'silent', ref }));
}

class Client {
	constructor(name, token) {
		this.name = name;
		this.refs = new Map();
		this.channels = new Map();
		this.tidings = createTidings({ url, token: () => token, fetch: whole });
		this.tidings.onState(({ phase, by, why, transport }) => this.say('state', { phase, by, why, transport }));
		this.tidings.onCaughtUp((report) => this.say('caught_up', report));
		this.tidings.onEvent(({ name: event, payload }) => {
			if (event === 'ready') for (const room of Object.keys(payload.rooms)) this.follow(room);
			if (event === 'joined') this.follow(payload.room);
			const { room, seq, at, data, message_id: message } = payload;
			if (seq !== undefined) this.say('event', { name: event, type: data?.type, room, seq, at, message });
		});
		this.tidings.outbox.onSent(({ entry: { id }, answer }) => this.ended(id, 'sent', { message: answer?.id }));
		this.tidings.outbox.onChange((entries) => {
			for (const { id, state, status, code, reason } of entries) {
				if (state === 'failed') this.ended(id, 'failed', { status, code, reason });
			}
		});
		this.tidings.start();
	}

	say(kind, fields) {
		console.log(JSON.stringify({ client: this.name, kind, ...fields }));
	}

	follow(room) {
		const [kind, channel] = room.split(':');
		if (kind !== 'channel' || this.channels.has(channel)) return;
		const messages = new Map();
		const view = this.tidings.view({
			rooms: [room],
			load: (signal) => this.tidings.api.snapshots.messages(channel, 0, PAGE, signal),
			replace: (page) => {
				messages.clear();
				for (const one of page) messages.set(one.id, one);
			},
			apply: ({ name, payload }) => {
				if (name !== 'events:channel') return;
				const { type, data } = payload.data;
				if (type === 'message:delete') messages.delete(data.id);
				else if (data && data.parent_id === null && (type === 'message' || messages.has(data.id))) {
					messages.set(data.id, { ...messages.get(data.id), ...data });
				}
			},
			onState: ({ phase }) => this.say('view', { channel, phase }),
		});
		this.channels.set(channel, { view, messages });
		view.open();
	}

	async keep(ref, adding) {
		try {
			const { id } = await adding;
			this.refs.set(id, ref);
			this.say('kept', { ref, id });
		} catch (error) {
			this.say('refused', { ref, reason: error.message });
		}
	}

	ended(id, kind, fields) {
		const ref = this.refs.get(id);
		if (this.refs.delete(id)) this.say(kind, { ref, id, ...fields });
	}

	show(ref, channel) {
		const { view, messages } = this.channels.get(channel) ?? {};
		const shown = [...(messages?.values() ?? [])].sort((a, b) => a.no - b.no);
		const list = shown.map(({ no, id, content }) => ({ no, id, content }));
		const { phase: connection } = this.tidings.state;
		this.say('shows', { ref, channel, connection, phase: view?.state.phase ?? 'unknown', messages: list });
	}
}

function run({ do: what, client: name, ref, token, channel, message, content }) {
	if (what === 'open') return void clients.set(name, new Client(name, token));
	if (what === 'hush') return void hush(ref);
	const client = clients.get(name);
	if (!client) throw new Error(`there is no client ${name}`);
	const { commands } = client.tidings;
	switch (what) {
		case 'post':
			return client.keep(ref, commands.post(channel, { content }));
		case 'edit':
			return client.keep(ref, commands.edit(channel, message, content));
		case 'delete':
			return client.keep(ref, commands.removeMessage(channel, message));
		case 'show':
			return client.show(ref, channel);
		case 'wake':
			return client.tidings.retryNow();
		case 'close':
			client.tidings.stop();
			return void clients.delete(name);
		default:
			throw new Error(`there is no command ${what}`);
	}
}

for await (const line of createInterface({ input: process.stdin })) {
	try {
		if (line.trim() !== '') run(JSON.parse(line));
	} catch (error) {
		console.log(JSON.stringify({ kind: 'error', line, reason: error.message }));
	}
}
for (const client of clients.values()) client.tidings.stop();
