import { ApiError, Unreachable, type Message, type NewMessage } from '@tidings/client';
import { describe, expect, it } from 'vitest';
import { MessageList, PAGE } from './messages.svelte';

const me = { id: 'me', name: 'Me' };

function message(no: number, change: Partial<Message> = {}): Message {
	return {
		id: `m${no}`,
		user_id: 'ada',
		channel_id: 'c',
		reply_to_id: null,
		parent_id: null,
		content: `text ${no}`,
		data: null,
		meta: null,
		created_at: no * 1e9,
		updated_at: no * 1e9,
		no,
		...change,
	};
}

/** A channel on a server: newest first by pages, posts once per `temp_id`. */
class FakeChannel {
	stored: Message[];
	posted: NewMessage[] = [];
	fail: Error | null = null;

	constructor(count: number) {
		this.stored = Array.from({ length: count }, (_, at) => message(at + 1));
	}

	messages = async (_: string, skip: number, limit: number) => {
		if (this.fail) throw this.fail;
		return this.stored.toReversed().slice(skip, skip + limit);
	};

	post = async (_: string, body: NewMessage) => {
		this.posted.push(body);
		if (this.fail) throw this.fail;
		const stored = message(this.stored.length + 1, { user_id: 'me', content: body.content, temp_id: body.temp_id });
		this.stored.push(stored);
		return stored;
	};

	edit = async (_: string, id: string, content: string) => {
		const held = this.stored.find((one) => one.id === id)!;
		return { ...held, content, updated_at: held.updated_at + 1 };
	};

	removeMessage = async () => true;
}

const nos = (list: MessageList) => list.messages.map((one) => one.no);

describe('MessageList', () => {
	it('reads the newest page first and older ones upwards until there are none', async () => {
		const list = new MessageList('c', new FakeChannel(PAGE + 3));
		await list.refresh();
		expect([nos(list)[0], list.messages.length, list.older]).toEqual([4, PAGE, 'more']);
		await list.loadOlder();
		expect([nos(list)[0], list.messages.length, list.older]).toEqual([1, PAGE + 3, 'none']);
	});

	it('shows a post at once and replaces it by the event, in whichever order answer and event come', async () => {
		for (const eventFirst of [true, false]) {
			const channel = new FakeChannel(1);
			const list = new MessageList('c', channel);
			await list.refresh();
			const sent = list.post('hello', me, 't1');
			expect(list.pending.map((one) => one.state)).toEqual(['sending']);
			const event = message(2, { user_id: 'me', content: 'hello', temp_id: 't1' });
			if (eventFirst) list.put(event);
			await sent;
			if (!eventFirst) list.put(event);
			expect(list.pending).toEqual([]);
			expect(nos(list)).toEqual([1, 2]);
		}
	});

	it('keeps a refused post with its reason, and sends it again under the same temp_id', async () => {
		const channel = new FakeChannel(0);
		const list = new MessageList('c', channel);
		await list.refresh();
		channel.fail = new ApiError(413, 'message_too_long', 'The message is too long.');
		await list.post('hello', me, 't1');
		expect(list.pending[0]).toMatchObject({ state: 'failed', reason: 'The message is too long.' });
		channel.fail = null;
		await list.retry('t1', me);
		expect(channel.posted.map((one) => one.temp_id)).toEqual(['t1', 't1']);
		expect([list.pending.length, list.messages.length]).toEqual([0, 1]);
	});

	it('holds what could not be sent and sends it when the connection is back', async () => {
		const channel = new FakeChannel(0);
		const list = new MessageList('c', channel);
		await list.refresh();
		channel.fail = new Unreachable(null);
		await list.post('hello', me, 't1');
		expect(list.pending[0]?.state).toBe('waiting');
		channel.fail = null;
		await list.resend(me);
		expect([list.pending.length, list.messages.length]).toEqual([0, 1]);
	});

	it('equals a fresh load after coming back: edits, removals and new messages', async () => {
		const channel = new FakeChannel(PAGE + 10);
		const list = new MessageList('c', channel);
		await list.refresh();
		await list.loadOlder();
		channel.stored = channel.stored.filter((one) => one.no !== 30);
		channel.stored[0] = { ...channel.stored[0]!, content: 'edited', updated_at: 99e9 };
		channel.stored.push(message(PAGE + 11));
		await list.refresh();
		const fresh = new MessageList('c', channel);
		await fresh.refresh();
		await fresh.loadOlder();
		expect(list.messages).toEqual(fresh.messages);
	});

	it('keeps an event that arrives while a page is under way', async () => {
		const channel = new FakeChannel(2);
		const list = new MessageList('c', channel);
		const loading = list.refresh();
		list.put(message(3));
		await loading;
		expect(nos(list)).toEqual([1, 2, 3]);
	});

	it('does not bring back what was removed', async () => {
		const channel = new FakeChannel(2);
		const list = new MessageList('c', channel);
		await list.refresh();
		list.drop('m1');
		list.put(message(1));
		await list.refresh();
		expect(nos(list)).toEqual([2]);
	});

	it('says when it could not be loaded and tries again', async () => {
		const channel = new FakeChannel(1);
		channel.fail = new Unreachable(null);
		const list = new MessageList('c', channel);
		await list.refresh();
		expect(list.state).toBe('failed');
		channel.fail = null;
		await list.refresh();
		expect(list.state).toBe('ready');
	});
});
