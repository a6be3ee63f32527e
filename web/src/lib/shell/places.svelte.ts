/**
 * Every place one can go to: what Jump to… searches and what Alt with the arrows walks through.
 */
import ClipboardCheck from '@lucide/svelte/icons/clipboard-check';
import FileText from '@lucide/svelte/icons/file-text';
import Hash from '@lucide/svelte/icons/hash';
import Lock from '@lucide/svelte/icons/lock';
import MessageSquare from '@lucide/svelte/icons/message-square-text';
import Settings from '@lucide/svelte/icons/settings';
import SquarePen from '@lucide/svelte/icons/square-pen';
import Users from '@lucide/svelte/icons/users';
import type { ChannelRow, UserSummary } from '@tidings/client';
import type { Workspace } from '$lib/live/workspace.svelte';
import { badgeText } from '$lib/ui/badge';
import type { CommandItem } from '$lib/ui/command';

export interface Place extends CommandItem {
	href?: string;
	/** A person without a conversation yet. */
	personId?: string;
}

/** At most this many lines of a kind, so that the list stays readable. */
const EACH = 8;

export function channelIcon(row: Pick<ChannelRow, 'is_private' | 'type'>) {
	return row.is_private || row.type === 'group' ? Lock : Hash;
}

export class Places {
	readonly #workspace: Workspace;

	constructor(workspace: Workspace) {
		this.#workspace = workspace;
	}

	/** Channels and direct messages in the order of the sidebar. */
	readonly conversations = $derived.by(() => {
		const { channels } = this.#workspace;
		return [...channels.rooms, ...channels.directs].map((row) => `/channels/${row.id}`);
	});

	readonly unread = $derived.by(() => {
		const { channels } = this.#workspace;
		return [...channels.rooms, ...channels.directs]
			.filter((row) => channels.unreadShown(row.id) > 0)
			.map((row) => `/channels/${row.id}`);
	});

	/** Fits `query`; `people` are those that the server found for it. */
	find(query: string, people: readonly UserSummary[]): Place[] {
		const words = query.trim().toLocaleLowerCase();
		const fits = (place: Place) => words === '' || place.label.toLocaleLowerCase().includes(words);
		const { channels, people: known, chats, memory, session } = this.#workspace;
		const rooms = channels.rooms.map((row) => this.#channel(row));
		const directs = channels.directs.map((row) => this.#direct(row));
		const met = new Set(channels.directs.map((row) => channels.partner(row)));
		const others = people
			.filter((person) => !met.has(person.id) && person.id !== known.meId)
			.map((person): Place => {
				const { id, name } = person;
				const face = { id, name, src: known.image(id), online: known.isOnline(id) };
				return { id: `person ${id}`, label: name, group: 'People', person: face, personId: id };
			});
		const talks = chats.rows.map((row): Place => {
			return { id: row.id, label: row.title, group: 'Chats', icon: MessageSquare, href: `/c/${row.id}` };
		});
		const blocks = memory.blocks.map(({ id, name }): Place => {
			return { id, label: name, group: 'Memory blocks', icon: FileText, href: `/you/${id}` };
		});
		const waiting = memory.counts.total;
		const note = waiting > 0 ? `${badgeText(waiting)} waiting` : undefined;
		const pages: Place[] = [
			{ id: 'review', label: 'Review', group: 'Pages', icon: ClipboardCheck, note, href: '/you' },
			{ id: 'new', label: 'New chat', group: 'Pages', icon: SquarePen, href: '/?new' },
			{ id: 'settings', label: 'Settings', group: 'Pages', icon: Settings, href: '/settings' },
		];
		if (session.isAdmin) {
			pages.push({ id: 'people', label: 'People', group: 'Pages', icon: Users, href: '/admin/people' });
		}
		const unreadFirst = (a: Place, b: Place) => Number(Boolean(b.note)) - Number(Boolean(a.note));
		return [
			...rooms.filter(fits).sort(unreadFirst).slice(0, EACH),
			...directs.filter(fits).sort(unreadFirst).slice(0, EACH),
			...others.slice(0, EACH),
			...talks.filter(fits).slice(0, EACH),
			...blocks.filter(fits).slice(0, EACH),
			...pages.filter(fits),
		];
	}

	#note(id: string): string | undefined {
		const count = this.#workspace.channels.unreadShown(id);
		return count > 0 ? `${badgeText(count)} unread` : undefined;
	}

	#channel(row: ChannelRow): Place {
		const { id, name } = row;
		return {
			id,
			label: name,
			group: 'Channels',
			icon: channelIcon(row),
			note: this.#note(id),
			href: `/channels/${id}`,
		};
	}

	#direct(row: ChannelRow): Place {
		const { channels, people } = this.#workspace;
		const label = channels.title(row);
		const partner = channels.partner(row);
		const person = { id: partner, name: label, src: people.image(partner), online: people.isOnline(partner) };
		return {
			id: row.id,
			label,
			group: 'Direct messages',
			person,
			note: this.#note(row.id),
			href: `/channels/${row.id}`,
		};
	}
}
