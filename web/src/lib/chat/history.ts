/**
 * The messages of a chat as a tree, the line of it that is on screen, and what streaming does to one message. Pure.
 */
import { errorText, type ChatHistory, type ChatMessage, type CompletionData, type MessageId } from '@tidings/client';

export type MessageMap = ReadonlyMap<MessageId, ChatMessage>;

/** From the first message to the current one, along the parents. Stops at a loop or a missing parent. */
export function thread(messages: MessageMap, currentId: MessageId | null): ChatMessage[] {
	const line: ChatMessage[] = [];
	const seen = new Set<MessageId>();
	for (let id = currentId; id !== null && !seen.has(id);) {
		const message = messages.get(id);
		if (!message) break;
		seen.add(id);
		line.push(message);
		id = message.parentId;
	}
	return line.reverse();
}

/** Adds messages and ties each to its parent's children. */
export function withMessages(messages: MessageMap, added: readonly ChatMessage[]): Map<MessageId, ChatMessage> {
	const next = new Map(messages);
	for (const message of added) next.set(message.id, message);
	for (const { id, parentId } of added) {
		const parent = parentId === null ? undefined : next.get(parentId);
		if (parent && !parent.childrenIds.includes(id)) {
			next.set(parent.id, { ...parent, childrenIds: [...parent.childrenIds, id] });
		}
	}
	return next;
}

export function fromHistory(history: Partial<ChatHistory> | undefined): {
	messages: Map<MessageId, ChatMessage>;
	currentId: MessageId | null;
} {
	const messages = new Map(Object.entries(history?.messages ?? {}).map(([id, message]) => [id, normal(id, message)]));
	return { messages, currentId: history?.currentId ?? null };
}

/** Old clients leave fields out. */
function normal(id: MessageId, message: ChatMessage): ChatMessage {
	return {
		...message,
		id: message.id ?? id,
		parentId: message.parentId ?? null,
		childrenIds: message.childrenIds ?? [],
		content: message.content ?? '',
	};
}

/** What other tabs told us of messages: theirs wins, except that a longer text of a running answer is kept. */
export function taken(held: ChatMessage | undefined, id: MessageId, told: ChatMessage): ChatMessage {
	const next = normal(id, held ? { ...held, ...told } : told);
	if (held && told.done !== true && held.content.length > next.content.length) next.content = held.content;
	return next;
}

export function toHistory(messages: MessageMap, currentId: MessageId | null): ChatHistory {
	return { currentId, messages: Object.fromEntries(messages) };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The text after a piece that starts at byte `offset`. Null if bytes before it are missing: then the chat is fetched
 * again. Without an offset the piece is appended.
 */
export function spliced(text: string, piece: string, offset: number | undefined): string | null {
	if (offset === undefined) return text + piece;
	const bytes = encoder.encode(text);
	if (offset === bytes.length) return text + piece;
	if (offset > bytes.length) return null;
	return decoder.decode(bytes.subarray(0, offset)) + piece;
}

/** Applies one `chat:completion`. `gap` says that text is missing before this piece. */
export function completed(
	message: ChatMessage,
	data: CompletionData,
	offset: number | undefined,
): { message: ChatMessage; gap: boolean } {
	const next = { ...message };
	let gap = false;
	const piece = data.choices?.[0]?.delta?.content ?? data.choices?.[0]?.message?.content;
	if (typeof data.content === 'string') next.content = data.content;
	else if (typeof piece === 'string' && piece !== '') {
		const text = spliced(message.content, piece, offset);
		if (text === null) gap = true;
		else next.content = text;
	}
	if (data.usage !== undefined) next.usage = data.usage;
	if (data.error !== undefined && data.error !== null) next.error = { content: errorText(data.error) };
	if (data.done) next.done = true;
	return { message: next, gap };
}

/** What went wrong with an answer, as a sentence; null if nothing did. */
export function failure(message: ChatMessage): string | null {
	if (message.error === undefined || message.error === null || message.error === false) return null;
	return errorText(message.error === true ? message.content : message.error);
}
