/**
 * Keeps what one reads in its place on the screen: at the bottom it stays at the bottom, elsewhere the lines in view do
 * not move when something above them comes, goes or grows, be it a bar over the page, older lines or a picture.
 *
 * It remembers where the lines in view were painted, and after every change puts them there again. Asking twice changes
 * nothing, so it does not matter who noticed a change first, nor what the browser did by itself meanwhile. Lines carry
 * `data-line` with a key; those that come and go by themselves (rules) carry none that counts.
 *
 * Where a browser lets one pull the list beyond its ends and springs back, all of this is reckoned as if it were not
 * pulled: a place that is written ends the spring.
 */
import type { Attachment } from 'svelte/attachments';

/** Within this distance of the end one counts as being at the bottom, in px. */
const BOTTOM_PX = 48;
/** Older lines are asked for when this close to the top, in px. */
const TOP_PX = 900;
/** What the browser rounds away, in px. */
const SMALL_PX = 0.5;
/** The line that is no place to hold on to. */
const RULE = 'new';

/** Where one reads: the first line in view, and how far below the upper edge it begins, in px. */
export interface Spot {
	key: string;
	top: number;
}

/** What was on the screen when it was looked at last. Lengths in px. */
interface Seen {
	/** The lines in view, from above, and where on the screen they begin. */
	lines: Spot[];
	scrolled: number;
	/** How much is below what is in view. */
	below: number;
	/** The height of the content. */
	height: number;
}

export class ScrollKeeper {
	#viewport: HTMLElement | undefined;
	#content: HTMLElement | undefined;
	#atBottom = $state(true);
	/** Nothing moves, not even at the bottom: what was missed is being caught up with. */
	#held = $state(false);
	/** Something came below while held: the end is where nothing is below, however little that is. */
	#isPushed = false;
	#seen: Seen | null = null;
	/** Room above the content, because what was above the whole list went away while one read its beginning. In px. */
	#room = 0;
	#observer = new ResizeObserver(() => this.settle(true));
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
		// The browser's own keeping in place would be done a second time here.
		node.style.overflowAnchor = 'none';
		const settle = () => this.settle(true);
		node.addEventListener('scroll', settle, { passive: true });
		this.#observer.observe(node);
		return () => {
			this.#observer.unobserve(node);
			node.removeEventListener('scroll', settle);
			this.#viewport = undefined;
			this.#seen = null;
		};
	};

	/** What is inside it: its height changes by itself too (a picture, a wrapped line). */
	readonly content: Attachment<HTMLElement> = (node) => {
		this.#content = node;
		this.#observer.observe(node);
		return () => {
			this.#observer.unobserve(node);
			this.#content = undefined;
		};
	};

	/** The place to come back to; null at the bottom. */
	spot(): Spot | null {
		const view = this.#viewport;
		const first = view && !this.#atBottom ? this.#inView(view)[0] : undefined;
		return first && view ? { key: first.key, top: first.top - view.getBoundingClientRect().top } : null;
	}

	/** Shows that place again. False if its line is not there. */
	toSpot(spot: Spot): boolean {
		const view = this.#viewport;
		const line = this.#line(spot.key);
		if (!view || !line) return false;
		this.#scrollBy(view, topOf(view, line) - view.getBoundingClientRect().top - spot.top);
		this.#look(view);
		return true;
	}

	/**
	 * Puts what one reads where it was, if anything but the reader moved it. To be called before the lines change, so that
	 * it is known where they are, and after. False if no line is left that was in view.
	 *
	 * `isOurs`: nothing came from others; what grew at the bottom (a picture, a reason why something waits) is shown even
	 * while held.
	 */
	settle(isOurs = false): boolean {
		const view = this.#viewport;
		if (!view) return true;
		const isKept = this.#restore(view, this.#held && !isOurs);
		this.#look(view);
		return isKept;
	}

	toBottom(): void {
		const view = this.#viewport;
		if (!view) return;
		view.scrollTop = view.scrollHeight;
		this.#isPushed = false;
		this.#look(view);
	}

	/** Shows a line in the upper third, unless all that follows it fits anyway. */
	toLine(key: string): boolean {
		const view = this.#viewport;
		const line = this.#line(key);
		if (!view || !line) return false;
		const top = line.getBoundingClientRect().top - view.getBoundingClientRect().top + view.scrollTop;
		view.scrollTop = Math.max(0, top - view.clientHeight / 4);
		this.#look(view);
		return true;
	}

	#restore(view: HTMLElement, isHeld: boolean): boolean {
		const seen = this.#seen;
		if (!seen) return true;
		const most = mostOf(view);
		const scrolled = scrolledOf(view);
		// Where the reader went by themselves. What lies beyond the end now, the browser has cut off.
		const moved = scrolled - Math.min(seen.scrolled, most);
		const isMoved = Math.abs(moved) > SMALL_PX;
		if (isMoved) this.#isPushed = false;
		if (this.#atBottom && !isMoved) {
			const hasGrown = this.#heightOf(view) !== seen.height;
			const wanted = hasGrown ? most : most - seen.below;
			if (wanted !== scrolled && !(hasGrown && isHeld)) view.scrollTop = wanted;
			if (!hasGrown || !isHeld) return true;
			this.#isPushed = true;
		}
		for (const { key, top } of seen.lines) {
			const line = this.#line(key);
			if (!line) continue;
			this.#scrollBy(view, topOf(view, line) - (top - moved));
			return true;
		}
		return seen.lines.length === 0;
	}

	/** At the beginning of the list there may be nothing to scroll into: then room is made. */
	#scrollBy(view: HTMLElement, by: number): void {
		if (Math.abs(by) <= SMALL_PX) return;
		const wanted = scrolledOf(view) + by;
		if (wanted < 0) this.#setRoom(this.#room - wanted);
		view.scrollTop = wanted;
	}

	/** Out of view the room is not needed any more. */
	#closeRoom(view: HTMLElement): void {
		if (this.#room === 0 || view.scrollTop < this.#room) return;
		const wanted = view.scrollTop - this.#room;
		this.#setRoom(0);
		view.scrollTop = wanted;
	}

	#setRoom(room: number): void {
		this.#room = room;
		if (this.#content) this.#content.style.marginTop = room > 0 ? `${room}px` : '';
	}

	#line(key: string): HTMLElement | null {
		return this.#viewport?.querySelector<HTMLElement>(`[data-line="${CSS.escape(key)}"]`) ?? null;
	}

	/** The lines in view with their places on the screen, as if the list were not pulled. */
	#inView(view: HTMLElement): Spot[] {
		const { top: edge, bottom: end } = view.getBoundingClientRect();
		const all = view.querySelectorAll<HTMLElement>('[data-line]');
		// They stand one below the other: the first in view is found by halves.
		let from = 0;
		for (let to = all.length; from < to;) {
			const middle = (from + to) >> 1;
			if ((all[middle]?.getBoundingClientRect().bottom ?? 0) > edge) to = middle;
			else from = middle + 1;
		}
		const lines: Spot[] = [];
		for (const line of [...all].slice(from)) {
			if (line.getBoundingClientRect().top >= end) break;
			const key = line.dataset.line ?? '';
			if (key !== RULE) lines.push({ key, top: topOf(view, line) });
		}
		return lines;
	}

	#heightOf(view: HTMLElement): number {
		return this.#content?.offsetHeight ?? view.scrollHeight;
	}

	#look(view: HTMLElement): void {
		this.#closeRoom(view);
		const scrolled = scrolledOf(view);
		const below = mostOf(view) - scrolled;
		this.#atBottom = below <= (this.#isPushed ? SMALL_PX : BOTTOM_PX);
		this.#seen = { lines: this.#inView(view), scrolled, below, height: this.#heightOf(view) };
		if (view.scrollTop < TOP_PX) this.#onNearTop();
	}
}

/** How far one can scroll, in px. */
function mostOf(view: HTMLElement): number {
	return Math.max(0, view.scrollHeight - view.clientHeight);
}

/** How far it is scrolled, without what it is pulled beyond its ends. */
function scrolledOf(view: HTMLElement): number {
	return Math.min(Math.max(view.scrollTop, 0), mostOf(view));
}

/** Where on the screen a line begins, or would if the list were not pulled. */
function topOf(view: HTMLElement, line: HTMLElement): number {
	return line.getBoundingClientRect().top + view.scrollTop - scrolledOf(view);
}
