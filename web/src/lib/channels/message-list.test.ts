import type { Message } from '@tidings/client';
import { describe, expect, it } from 'vitest';
import { lines, merged, type Pending } from './message-list';

const MINUTE = 60_000;
const NOON = new Date(2026, 10, 23, 12).getTime();

function message(no: number, change: Partial<Message> = {}): Message {
	const at = (NOON + no * MINUTE) * 1e6;
	return {
		id: `m${no}`,
		user_id: 'ada',
		channel_id: 'c',
		reply_to_id: null,
		parent_id: null,
		content: `text ${no}`,
		data: null,
		meta: null,
		created_at: at,
		updated_at: at,
		no,
		...change,
	};
}

const none = new Set<string>();
const ids = (messages: Message[]) => messages.map((one) => one.id);

describe('merged', () => {
	it('orders by number whatever the order of arrival, and holds each message once', () => {
		expect(ids(merged([message(2)], [message(3), message(1), message(2)], none))).toEqual(['m1', 'm2', 'm3']);
	});

	it('takes the version that was edited later, also when it comes first', () => {
		const edited = message(1, { content: 'new', updated_at: message(1).created_at + 5e9 });
		expect(merged([message(1)], [edited], none)[0]?.content).toBe('new');
		expect(merged([edited], [message(1)], none)[0]?.content).toBe('new');
	});

	it('leaves out replies in threads and what was removed', () => {
		const reply = message(2, { parent_id: 'm1', no: null });
		expect(ids(merged([], [message(1), reply, message(3)], new Set(['m3'])))).toEqual(['m1']);
	});

	it('keeps the number of a message when an event leaves it out', () => {
		const again = message(1, { no: null });
		expect(merged([message(1)], [again], none)[0]?.no).toBe(1);
	});
});

describe('lines', () => {
	const waiting: Pending = {
		temp_id: 't',
		content: 'hi',
		at: NOON + 2 * MINUTE,
		state: 'sending',
		reason: '',
		retryable: true,
	};
	const kinds = (messages: Message[], readNo: number | null, pending: Pending[] = []) =>
		lines(messages, pending, 'me', readNo).map((line) => {
			if (line.kind === 'message') return `${line.compact ? '.' : '*'}${line.message.id}`;
			return line.kind === 'pending' ? `${line.compact ? '.' : '*'}pending` : line.kind;
		});

	it('collapses one author within five minutes', () => {
		const later = message(3, { created_at: (NOON + 20 * MINUTE) * 1e6 });
		const other = message(4, { user_id: 'ben', created_at: later.created_at + 1 });
		expect(kinds([message(1), message(2), later, other], null)).toEqual(['day', '*m1', '.m2', '*m3', '*m4']);
	});

	it('draws a rule for each day', () => {
		const tomorrow = message(2, { created_at: (NOON + 24 * 60 * MINUTE) * 1e6 });
		expect(kinds([message(1), tomorrow], null)).toEqual(['day', '*m1', 'day', '*m2']);
	});

	it('draws "New" once, above the first unread message of somebody else', () => {
		const mine = message(2, { user_id: 'me' });
		expect(kinds([message(1), mine, message(3), message(4)], 1)).toEqual([
			'day',
			'*m1',
			'*m2',
			'new',
			'*m3',
			'.m4',
		]);
		expect(kinds([message(1)], 1)).toEqual(['day', '*m1']);
	});

	it('shows what waits at the end', () => {
		expect(kinds([message(1, { user_id: 'me' })], null, [waiting])).toEqual(['day', '*m1', '.pending']);
	});

	it('shows what waits once, also when its event comes before the answer', () => {
		const here = message(1, { user_id: 'me', temp_id: 't' });
		expect(kinds([here], null, [waiting])).toEqual(['day', '*m1']);
		expect(kinds([{ ...here, user_id: 'ada' }], null, [waiting])).toEqual(['day', '*m1', '*pending']);
	});
});
