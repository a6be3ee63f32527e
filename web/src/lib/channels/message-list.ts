/**
 * The messages of one channel as a list, and what events and pages do to it. Pure.
 *
 * Ordered by `no`. A message is held once, by id; of two versions the one edited later wins; what was removed stays removed
 * even if an older page still has it.
 */
import { msOf, type Message, type MessageId, type UserId } from '@tidings/client';

/** A message of ours that the server has not confirmed. */
export interface Pending {
	temp_id: string;
	content: string;
	/** Milliseconds. */
	at: number;
	/** `waiting`: it goes out by itself when it can; `failed`: refused, and its author decides. */
	state: 'sending' | 'waiting' | 'failed';
	/** Why it waits or failed, as a sentence; empty if there is nothing to say beyond the clock. */
	reason: string;
	/** A failed one may be tried again. */
	retryable: boolean;
}

const order = (message: Message) => message.no ?? Number.POSITIVE_INFINITY;

function compare(a: Message, b: Message): number {
	const byNo = order(a) - order(b);
	if (byNo !== 0 && !Number.isNaN(byNo)) return byNo;
	return a.created_at - b.created_at || (a.id < b.id ? -1 : 1);
}

/** Adds or replaces messages, in order. */
export function merged(
	held: readonly Message[],
	incoming: readonly Message[],
	removed: ReadonlySet<MessageId>,
): Message[] {
	const byId = new Map(held.map((message) => [message.id, message]));
	for (const message of incoming) {
		if (message.parent_id !== null || removed.has(message.id)) continue;
		const known = byId.get(message.id);
		if (known && known.updated_at > message.updated_at) continue;
		byId.set(message.id, known ? { ...known, ...message, no: message.no ?? known.no } : message);
	}
	return [...byId.values()].sort(compare);
}

export function without(held: readonly Message[], id: MessageId): Message[] {
	return held.filter((message) => message.id !== id);
}

export function isEdited(message: Message): boolean {
	return message.updated_at > message.created_at;
}

/** One line of the page, in reading order. */
export type Line =
	| { kind: 'day'; key: string; ms: number }
	| { kind: 'new'; key: 'new' }
	| { kind: 'message'; key: string; message: Message; compact: boolean }
	| { kind: 'pending'; key: string; pending: Pending; compact: boolean };

/** One author within this time is one block. */
const BLOCK_MS = 5 * 60_000;

/**
 * Puts the rules between messages: one for each day, and one for "New" after `readNo`, above the first message of
 * somebody else. `readNo` null means no such rule.
 */
export function lines(
	messages: readonly Message[],
	pending: readonly Pending[],
	meId: UserId,
	readNo: number | null,
): Line[] {
	const out: Line[] = [];
	let author: UserId | null = null;
	let last = Number.NEGATIVE_INFINITY;
	let day = '';
	let ruled = readNo === null;
	const step = (userId: UserId, ms: number): boolean => {
		const today = new Date(ms).toDateString();
		if (today !== day) {
			day = today;
			author = null;
			out.push({ kind: 'day', key: `day ${today}`, ms });
		}
		const compact = author === userId && ms - last < BLOCK_MS;
		author = userId;
		last = ms;
		return compact;
	};
	for (const message of messages) {
		const ms = msOf(message.created_at);
		let compact = step(message.user_id, ms);
		if (!ruled && (message.no ?? 0) > (readNo ?? 0) && message.user_id !== meId) {
			ruled = true;
			compact = false;
			out.push({ kind: 'new', key: 'new' });
		}
		out.push({ kind: 'message', key: message.id, message, compact });
	}
	const here = new Set(
		pending.length > 0 ? messages.filter((one) => one.user_id === meId).map((one) => one.temp_id) : [],
	);
	for (const one of pending) {
		// Its event came before the answer.
		if (here.has(one.temp_id)) continue;
		const compact = step(meId, one.at);
		out.push({ kind: 'pending', key: one.temp_id, pending: one, compact });
	}
	return out;
}
