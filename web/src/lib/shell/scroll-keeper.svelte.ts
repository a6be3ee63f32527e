/**
 * Keeps what one reads in its place: at the bottom it stays at the bottom, elsewhere the line in view does not move when
 * lines come above or below it, nor when a bar appears above. Lines carry `data-line` with a key; those that come and go
 * by themselves (rules) carry none that counts.
 */
import type { Attachment } from 'svelte/attachments';

/** Within this distance of the end one counts as being at the bottom, in px. */
const BOTTOM_PX = 48;
/** Older lines are asked for when this close to the top, in px. */
const TOP_PX = 900;
/** The line that is no place to hold on to. */
const RULE = 'new';

/** Where one reads: the first line in view, and how far below the upper edge it begins, in px. */
export interface Spot {
	key: string;
	top: number;
}

export class ScrollKeeper {
	#viewport: HTMLElement | undefined;
	#atBottom = $state(true);
	/** Nothing moves, not even at the bottom: what was missed is being caught up with. */
	#held = $state(false);
	#anchor: Spot | null = null;
	#edge = 0;
	#observer = new ResizeObserver(() => this.#resized());
	readonly #onNearTop: () => void;

	constructor(onNearTop: () => void = () => undefined) {
		this.#onNearTop = onNearTop;
	}

	get isAtBottom(): boolean {
		return this.#atBottom;
	}

	get isHeld(): boolean {
		return this.#held;
	}

	/** While held, what is added at the bottom does not move what one reads. */
	hold(held: boolean): void {
		this.#held = held;
	}

	/** The scrolling element. */
	readonly viewport: Attachment<HTMLElement> = (node) => {
		this.#viewport = node;
		this.#edge = node.getBoundingClientRect().top;
		const look = () => this.#look();
		node.addEventListener('scroll', look, { passive: true });
		this.#observer.observe(node);
		return () => {
			this.#observer.unobserve(node);
			node.removeEventListener('scroll', look);
			this.#viewport = undefined;
		};
	};

	/** What is inside it: when its height changes by itself (a picture, a wrapped line), the bottom stays the bottom. */
	readonly content: Attachment<HTMLElement> = (node) => {
		this.#observer.observe(node);
		return () => this.#observer.unobserve(node);
	};

	/** The place to come back to; null at the bottom. */
	spot(): Spot | null {
		return this.#atBottom ? null : this.#firstInView();
	}

	/** Shows that place again. False if its line is not there. */
	toSpot(spot: Spot): boolean {
		const view = this.#viewport;
		const line = this.#line(spot.key);
		if (!view || !line) return false;
		view.scrollTop += line.getBoundingClientRect().top - view.getBoundingClientRect().top - spot.top;
		this.#look();
		return true;
	}

	/** Before the lines change: remembers the first line in view. */
	before(): void {
		this.#anchor = this.#atBottom && !this.#held ? null : this.#firstInView();
	}

	/** After the lines changed: puts that line where it was. */
	after(): void {
		if (!this.#viewport) return;
		if (this.#anchor) this.toSpot(this.#anchor);
		else if (this.#atBottom) this.toBottom();
		this.#look();
	}

	toBottom(): void {
		const view = this.#viewport;
		if (!view) return;
		view.scrollTop = view.scrollHeight;
		this.#atBottom = true;
	}

	/** Shows a line in the upper third, unless all that follows it fits anyway. */
	toLine(key: string): void {
		const view = this.#viewport;
		const line = this.#line(key);
		if (!view || !line) return;
		const top = line.getBoundingClientRect().top - view.getBoundingClientRect().top + view.scrollTop;
		view.scrollTop = Math.max(0, top - view.clientHeight / 4);
		this.#look();
	}

	#line(key: string): HTMLElement | null {
		return this.#viewport?.querySelector<HTMLElement>(`[data-line="${CSS.escape(key)}"]`) ?? null;
	}

	#firstInView(): Spot | null {
		const view = this.#viewport;
		if (!view) return null;
		const edge = view.getBoundingClientRect().top;
		for (const line of view.querySelectorAll<HTMLElement>('[data-line]')) {
			const { top, bottom } = line.getBoundingClientRect();
			const key = line.dataset.line ?? '';
			if (bottom > edge && key !== RULE) return { key, top: top - edge };
		}
		return null;
	}

	/** A bar above came or went: the text stays where it is on the screen. */
	#resized(): void {
		const view = this.#viewport;
		if (!view) return;
		const edge = view.getBoundingClientRect().top;
		if (edge !== this.#edge) view.scrollTop += edge - this.#edge;
		this.#edge = edge;
		if (this.#atBottom) this.toBottom();
	}

	#look(): void {
		const view = this.#viewport;
		if (!view) return;
		this.#atBottom = view.scrollHeight - view.scrollTop - view.clientHeight <= BOTTOM_PX;
		if (view.scrollTop < TOP_PX) this.#onNearTop();
	}
}
