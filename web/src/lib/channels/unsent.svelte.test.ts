import type { Entry, Message } from '@tidings/client';
import { describe, expect, it, vi } from 'vitest';
import { FakeLive, settled, snapshotOf } from '../live/fake-live';
import { Messages } from './messages.svelte';
import { Unread } from './unread.svelte';
import { Unsent } from './unsent.svelte';

const stored: Message = {
	id: 'm1',
	user_id: 'me',
	channel_id: 'c',
	reply_to_id: null,
	parent_id: null,
	content: 'hello',
	data: null,
	meta: null,
	created_at: 1,
	updated_at: 1,
	no: 1,
};

function entry(change: Partial<Entry>): Entry {
	return {
		id: 'e1',
		kind: 'post',
		resource: 'channel:c',
		request: { method: 'POST', path: '/' },
		note: { channel_id: 'c', content: 'hello', parent_id: null, reply_to_id: null },
		at: 5,
		state: 'pending',
		waitingFor: 'connection',
		attempts: 0,
		retryAt: null,
		reason: null,
		code: null,
		status: null,
		retryable: false,
		...change,
	};
}

async function world(held: Message[] = []) {
	let change: (entries: readonly Entry[]) => void = () => undefined;
	let sent: (told: { entry: Entry; answer: unknown }) => void = () => undefined;
	const cancel = vi.fn(async () => 'cancelled' as const);
	const edit = vi.fn(async () => entry({}));
	const messages = new Messages({ messages: async () => snapshotOf(held.toReversed()) }, new FakeLive());
	const list = messages.of('c');
	list.open();
	await settled();
	const unread = new Unread();
	const source = {
		outbox: {
			entries: [],
			isKept: true,
			cancel,
			onChange: (told: typeof change) => ((change = told), () => undefined),
			onSent: (told: typeof sent) => ((sent = told), () => undefined),
		},
		commands: { edit },
	};
	const unsent = new Unsent(source as unknown as ConstructorParameters<typeof Unsent>[0], messages, unread);
	return { unsent, list, unread, cancel, edit, change: (...all: Entry[]) => change(all), sent: sent! };
}

describe('Unsent', () => {
	it('shows posts by channel, with why they wait only where nothing else says it', async () => {
		const { unsent, change } = await world();
		change(entry({}), entry({ id: 'e2', waitingFor: 'space' }), entry({ id: 'e3', note: { channel_id: 'd' } }));
		expect(unsent.of('c').map((one) => [one.temp_id, one.state, one.reason === ''])).toEqual([
			['e1', 'waiting', true],
			['e2', 'waiting', false],
		]);
		change(entry({ state: 'failed', reason: 'You are not in this channel.' }));
		expect(unsent.of('c')[0]).toMatchObject({ state: 'failed', reason: 'You are not in this channel.' });
		expect(unsent.of('d')).toEqual([]);
	});

	it('calls a server busy only if it answered', async () => {
		const { unsent, change } = await world();
		change(entry({ waitingFor: 'server' }), entry({ id: 'e2', waitingFor: 'server', status: 503 }));
		expect(unsent.of('c').map((one) => one.reason.split('.')[0])).toEqual([
			'The server cannot be reached',
			'The server is busy',
		]);
	});

	it('puts the stored message in the place of the pending one in the same moment', async () => {
		const { list, sent } = await world();
		sent({ entry: entry({}), answer: stored });
		expect(list.messages.map((one) => one.id)).toEqual(['m1']);
	});

	it('lays edits and deletions over the messages, and settles them with the answer', async () => {
		const { unsent, list, change, sent } = await world([stored]);
		const edit = entry({ kind: 'edit', note: { channel_id: 'c', message_id: 'm1', content: 'hello!' } });
		change(edit);
		expect(unsent.change('m1')).toMatchObject({ kind: 'edit', content: 'hello!', failed: false });
		sent({ entry: edit, answer: { ...stored, content: 'hello!', updated_at: 2 } });
		change();
		expect([unsent.change('m1'), list.messages[0]?.content]).toEqual([undefined, 'hello!']);
		sent({ entry: entry({ kind: 'delete', note: { channel_id: 'c', message_id: 'm1' } }), answer: true });
		expect(list.messages).toEqual([]);
	});

	it('says of an edit and a deletion what waits, and for what', async () => {
		const { unsent, change } = await world([stored]);
		const note = { channel_id: 'c', message_id: 'm1' };
		const said = (made: Partial<Entry>) => {
			change(entry({ note, ...made }));
			return [unsent.change('m1')?.waits, unsent.change('m1')?.reason];
		};
		expect(said({ kind: 'delete' })).toEqual([true, 'It is deleted when you are connected again.']);
		expect(said({ kind: 'edit' })).toEqual([true, 'It is saved when you are connected again.']);
		expect(said({ kind: 'delete', waitingFor: 'server', status: 503 })).toEqual([
			true,
			'The server is busy. It is deleted as soon as it can be.',
		]);
		expect(said({ kind: 'delete', waitingFor: 'turn' })).toEqual([true, '']);
		expect(said({ kind: 'delete', state: 'sending', waitingFor: null })).toEqual([false, '']);
	});

	it('takes a new edit in the place of one that was refused', async () => {
		const { unsent, change, cancel, edit } = await world([stored]);
		const note = { channel_id: 'c', message_id: 'm1', content: 'too long' };
		change(entry({ id: 'e9', kind: 'edit', state: 'failed', reason: 'Too long.', note }));
		await unsent.edit('c', 'm1', 'short');
		expect(cancel).toHaveBeenCalledWith('e9');
		expect(edit).toHaveBeenCalledWith('c', 'm1', 'short');
	});

	it('counts as read what waits to be told, and does not ask about it at sign-out', async () => {
		const { unsent, unread, change } = await world();
		unread.arrived('c', 3);
		change(entry({ kind: 'read', note: { channel_id: 'c', read_no: 3 } }));
		expect([unread.of('c'), unsent.count]).toEqual([0, 0]);
		change(entry({}), entry({ id: 'e2', state: 'failed' }));
		expect([unread.of('c'), unsent.count]).toEqual([3, 2]);
	});
});
