/**
 * The memory of the person at this tab: blocks, proposals that wait, and how many. Counts are the server's; texts are
 * fetched again when an event says that they changed.
 */
import {
	ApiError,
	type Api,
	type Approve,
	type CreateBlock,
	type MemoryBlock,
	type MemoryEvent,
	type MemoryBlocks,
	type MemoryUpdated,
	type NumberedEvent,
	type Proposal,
	type Proposals,
	type Reject,
	type UpdateBlock,
} from '@tidings/client';
import { createContext } from 'svelte';
import { Followed, type Live, type Stage } from '../live/followed.svelte';
import { OwnChanges } from './own-changes';
import { PendingCounts } from './pending-counts.svelte';

type MemoryApi = Api['memory'];

/** What is told in toasts: the app's toaster, or a list in tests. */
export interface MemoryToaster {
	updated(change: MemoryUpdated): void;
	proposed(proposal: Proposal): void;
	dismiss(id: string): void;
}

/** What was typed into a block's page and not saved, with the version it was made from. */
export interface BlockDraft {
	base: MemoryBlock;
	name: string;
	body: string;
}

export class Memory {
	readonly counts = new PendingCounts();
	/** By block; kept while the page is another one. */
	readonly drafts = new Map<string, BlockDraft>();
	readonly #api: MemoryApi;
	readonly #toaster: MemoryToaster;
	readonly #isLookedAt: () => boolean;
	readonly #own: OwnChanges<MemoryUpdated>;
	readonly #list: Followed<MemoryBlocks>;
	readonly #review: Followed<Proposals>;
	#blocks = $state.raw<readonly MemoryBlock[]>([]);
	#proposals = $state.raw<readonly Proposal[]>([]);
	#isReviewOpen = false;
	/** A new proposal to be told as soon as it is known. */
	#arrived = new Set<string>();

	constructor(api: MemoryApi, meId: string, live: Live, toaster: MemoryToaster, isLookedAt: () => boolean) {
		this.#api = api;
		this.#toaster = toaster;
		this.#isLookedAt = isLookedAt;
		this.#own = new OwnChanges((change) => this.#isLookedAt() && this.#toaster.updated(change));
		const rooms = [`user:${meId}`];
		this.#list = new Followed(live, {
			rooms,
			load: () => api.blocks(),
			replace: ({ blocks, total }) => {
				this.#blocks = blocks;
				this.counts.listed(blocks, total);
			},
			apply: (event) => this.#count(event),
		});
		this.#review = new Followed(live, {
			rooms,
			load: () => api.proposals(),
			replace: ({ proposals }) => (this.#proposals = proposals),
			apply: (event) => this.#propose(event),
		});
	}

	get blocks(): readonly MemoryBlock[] {
		return this.#blocks;
	}
	get proposals(): readonly Proposal[] {
		return this.#proposals;
	}
	get stage(): Stage {
		return this.#list.stage;
	}
	get reviewStage(): Stage {
		return this.#review.stage;
	}

	block(id: string): MemoryBlock | undefined {
		return this.#blocks.find((block) => block.id === id);
	}

	open(): void {
		this.#list.open();
	}

	/** After a failure. */
	retry(): void {
		if (this.#list.stage === 'failed') this.#list.retry();
		if (this.#review.stage === 'failed') this.#review.retry();
	}

	/** The page with the proposals is open in this tab: what arrives there needs no toast. */
	reviewing(open: boolean): void {
		this.#isReviewOpen = open;
		if (!open) return;
		for (const { id } of this.#proposals) this.#toaster.dismiss(id);
		this.#review.open();
	}

	#count(event: NumberedEvent): void {
		if (event.name !== 'events:memory') return;
		const told = event.payload;
		if (told.type === 'memory:updated') void this.#list.reload();
		else this.counts.told(told.data.block_id, told.data.count, told.data.total);
	}

	#propose(event: NumberedEvent): void {
		if (event.name !== 'events:memory') return;
		const told = event.payload;
		switch (told.type) {
			case 'diff:pending':
			case 'memory:updated':
				void this.#review.reload();
				return;
			case 'diff:approved':
			case 'diff:rejected':
			case 'diff:superseded':
				return this.#decided(told.data.diff_id);
			default:
				told satisfies never;
		}
	}

	/** Something happened just now: what is told of it in toasts. */
	heard(event: MemoryEvent): void {
		switch (event.type) {
			case 'diff:pending':
				if (event.data.diff_id !== null) void this.#tell(event.data.diff_id);
				return;
			case 'diff:approved':
			case 'diff:rejected':
			case 'diff:superseded':
				return this.#decided(event.data.diff_id);
			case 'memory:updated':
				return this.#own.heard(event.data);
			default:
				event satisfies never;
		}
	}

	/** Throws what the server says. */
	create(form: CreateBlock): Promise<MemoryBlock> {
		return this.#change(() => this.#api.create(form));
	}

	/** Throws what the server says; after a 409 the blocks here are the present ones. */
	update(id: string, form: UpdateBlock): Promise<MemoryBlock> {
		return this.#change(() => this.#api.update(id, form));
	}

	/** Throws what the server says. */
	async remove(id: string): Promise<void> {
		await this.#own.run(
			() => this.#api.remove(id),
			() => ({ block_id: id, version: 0 }),
		);
		this.drafts.delete(id);
		this.#blocks = this.#blocks.filter((block) => block.id !== id);
	}

	/** Throws what the server says; after a 409 what is here is present. */
	async approve(id: string, form: Approve): Promise<void> {
		await this.#deciding(id, () => this.#change(() => this.#api.approve(id, form)));
	}

	/** Throws what the server says; after a 409 what is here is present. */
	async reject(id: string, form: Reject): Promise<void> {
		await this.#deciding(id, () => this.#knowing(() => this.#api.reject(id, form)));
	}

	async #change(work: () => Promise<MemoryBlock>): Promise<MemoryBlock> {
		const block = await this.#knowing(() => this.#own.run(work, ({ id, version }) => ({ block_id: id, version })));
		this.#put(block);
		return block;
	}

	/** After a 409 the blocks here are the present ones. */
	async #knowing<T>(work: () => Promise<T>): Promise<T> {
		try {
			return await work();
		} catch (cause) {
			if (isConflict(cause)) await this.#list.reload();
			throw cause;
		}
	}

	async #deciding(id: string, work: () => Promise<unknown>): Promise<void> {
		try {
			await work();
			this.#decided(id);
		} catch (cause) {
			if (isConflict(cause)) await this.#review.reload();
			throw cause;
		}
	}

	#put(block: MemoryBlock): void {
		const others = this.#blocks.filter((held) => held.id !== block.id);
		if ((this.block(block.id)?.version ?? 0) > block.version) return;
		this.#blocks = [...others, block].sort((a, b) => a.name.localeCompare(b.name));
	}

	#decided(id: string): void {
		this.#arrived.delete(id);
		this.#toaster.dismiss(id);
		this.#proposals = this.#proposals.filter((proposal) => proposal.id !== id);
	}

	/** Who proposes what is not in the event: the proposal is fetched and then told. */
	async #tell(id: string): Promise<void> {
		this.#arrived.add(id);
		const isTold = this.#isLookedAt() && !this.#isReviewOpen;
		if (isTold) {
			this.#review.open();
			await this.#review.reload();
		}
		const proposal = this.#proposals.find((held) => held.id === id);
		if (proposal && this.#arrived.delete(id) && isTold && !this.#isReviewOpen) this.#toaster.proposed(proposal);
	}
}

/** Somebody else, or this person elsewhere, was there before. */
export function isConflict(cause: unknown, code?: 'stale_version' | 'already_decided'): cause is ApiError {
	return cause instanceof ApiError && cause.status === 409 && (code === undefined || cause.code === code);
}

/** What happened to a block: its first version is the one it was made with, 0 says that it is gone. */
export function changeText({ block_name, version }: Pick<MemoryUpdated, 'block_name' | 'version'>): string {
	if (version === 0) return `${block_name} was deleted`;
	return version === 1 ? `${block_name} was added` : `${block_name} was modified`;
}

/** The name that was given to an agent's key; keys made in the settings have none. */
export function agentName(proposal: Pick<Proposal, 'agent_name'>): string {
	return proposal.agent_name === 'own' ? 'Your agent' : proposal.agent_name;
}

export const [getMemory, setMemory] = createContext<Memory>();
