/**
 * Keeps what one reads in its place: at the bottom it stays at the bottom, elsewhere the line in view does not move when
 * lines come above or below it. Lines carry `data-line` with a key.
 */
import type { Attachment } from 'svelte/attachments';

/** Within this distance of the end one counts as being at the bottom, in px. */
const BOTTOM_PX = 48;
/** Older lines are asked for when this close to the top, in px. */
const TOP_PX = 900;

interface Anchor {
	key: string;
	top: number;
}

export class ScrollKeeper {
	#viewport: HTMLElement | undefined;
	#atBottom = $state(true);
	#anchor: Anchor | null = null;
	#observer = new ResizeObserver(() => {
		if (this.#atBottom) this.toBottom();
	});
	readonly #onNearTop: () => void;

	constructor(onNearTop: () => void = () => undefined) {
		this.#onNearTop = onNearTop;
	}

	get isAtBottom(): boolean {
		return this.#atBottom;
	}

	/** The scrolling element. */
	readonly viewport: Attachment<HTMLElement> = (node) => {
		this.#viewport = node;
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

	/** Before the lines change: remembers the first line in view. */
	before(): void {
		this.#anchor = null;
		const view = this.#viewport;
		if (!view || this.#atBottom) return;
		const edge = view.getBoundingClientRect().top;
		for (const line of view.querySelectorAll<HTMLElement>('[data-line]')) {
			const { top, bottom } = line.getBoundingClientRect();
			if (bottom > edge) {
				this.#anchor = { key: line.dataset.line ?? '', top };
				return;
			}
		}
	}

	/** After the lines changed: puts that line where it was. */
	after(): void {
		const view = this.#viewport;
		if (!view) return;
		if (this.#atBottom) this.toBottom();
		else if (this.#anchor) {
			const line = view.querySelector<HTMLElement>(`[data-line="${CSS.escape(this.#anchor.key)}"]`);
			if (line) view.scrollTop += line.getBoundingClientRect().top - this.#anchor.top;
		}
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
		const line = view?.querySelector<HTMLElement>(`[data-line="${CSS.escape(key)}"]`);
		if (!view || !line) return;
		const top = line.getBoundingClientRect().top - view.getBoundingClientRect().top + view.scrollTop;
		view.scrollTop = Math.max(0, top - view.clientHeight / 4);
		this.#look();
	}

	#look(): void {
		const view = this.#viewport;
		if (!view) return;
		this.#atBottom = view.scrollHeight - view.scrollTop - view.clientHeight <= BOTTOM_PX;
		if (view.scrollTop < TOP_PX) this.#onNearTop();
	}
}
