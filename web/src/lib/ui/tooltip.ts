/**
 * A short hint at a control, on hover after a moment and on keyboard focus at once. It repeats the control's name or
 * says why it is disabled; it never holds what is said nowhere else, so it is hidden from screen readers.
 *
 * One element serves the whole page, in the top layer, so that a hundred controls cost nothing until one is hovered.
 */
import type { Attachment } from 'svelte/attachments';

const HOVER_DELAY_MS = 400;
const GAP_PX = 6;
const MARGIN_PX = 8;

let bubble: HTMLElement | undefined;
let owner: Element | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Shows `text` at the element. Nothing is shown for an empty text. */
export function tooltip(text: string | undefined): Attachment<HTMLElement> {
	return (target) => {
		if (!text) return;
		const soon = (event: PointerEvent) => {
			if (event.pointerType !== 'touch') later(target, text);
		};
		const now = () => {
			if (target.matches(':focus-visible')) show(target, text);
		};
		const gone = () => hide(target);
		target.addEventListener('pointerenter', soon);
		target.addEventListener('pointerleave', gone);
		target.addEventListener('pointerdown', gone);
		target.addEventListener('focus', now);
		target.addEventListener('blur', gone);
		return () => {
			target.removeEventListener('pointerenter', soon);
			target.removeEventListener('pointerleave', gone);
			target.removeEventListener('pointerdown', gone);
			target.removeEventListener('focus', now);
			target.removeEventListener('blur', gone);
			hide(target);
		};
	};
}

function later(target: HTMLElement, text: string) {
	clearTimeout(timer);
	owner = target;
	timer = setTimeout(() => show(target, text), HOVER_DELAY_MS);
}

function show(target: HTMLElement, text: string) {
	clearTimeout(timer);
	owner = target;
	bubble ??= make();
	bubble.textContent = text;
	bubble.showPopover?.();
	place(bubble, target.getBoundingClientRect());
	addEventListener('keydown', onEscape, true);
	addEventListener('scroll', onScroll, true);
}

function hide(target: Element | undefined) {
	if (owner !== target) return;
	clearTimeout(timer);
	owner = undefined;
	removeEventListener('keydown', onEscape, true);
	removeEventListener('scroll', onScroll, true);
	bubble?.hidePopover?.();
}

function onEscape(event: KeyboardEvent) {
	if (event.key === 'Escape') hide(owner);
}

function onScroll() {
	hide(owner);
}

function make(): HTMLElement {
	const element = document.createElement('div');
	element.popover = 'manual';
	element.setAttribute('aria-hidden', 'true');
	element.className = 'tooltip';
	document.body.append(element);
	return element;
}

/** Above the target if there is room, else below; never outside the window. */
function place(element: HTMLElement, at: DOMRect) {
	const { offsetWidth: width, offsetHeight: height } = element;
	const above = at.top - height - GAP_PX;
	const top = above >= MARGIN_PX ? above : at.bottom + GAP_PX;
	const middle = at.left + at.width / 2 - width / 2;
	const left = Math.min(Math.max(middle, MARGIN_PX), innerWidth - width - MARGIN_PX);
	element.style.top = `${Math.round(top)}px`;
	element.style.left = `${Math.round(left)}px`;
}
