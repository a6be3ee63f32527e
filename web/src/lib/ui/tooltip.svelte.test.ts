import { render, screen } from '@testing-library/svelte';
import Bell from '@lucide/svelte/icons/bell';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import IconButton from './IconButton.svelte';

const bubble = () => document.querySelector('.tooltip');
const pointer = (type: string, pointerType = 'mouse') =>
	Object.assign(new Event(type, { bubbles: false }), { pointerType }) as unknown as PointerEvent;

let open = false;

beforeEach(() => {
	vi.useFakeTimers();
	HTMLElement.prototype.showPopover = () => void (open = true);
	HTMLElement.prototype.hidePopover = () => void (open = false);
	open = false;
});

afterEach(() => vi.useRealTimers());

test('comes after a moment of hovering, with the keys, and goes with the pointer', () => {
	render(IconButton, { icon: Bell, label: 'Notifications', keys: 'N' });
	const button = screen.getByRole('button', { name: 'Notifications' });
	button.dispatchEvent(pointer('pointerenter'));
	expect(open).toBe(false);
	vi.advanceTimersByTime(400);
	expect(open).toBe(true);
	expect(bubble()?.textContent).toBe('Notifications  N');
	button.dispatchEvent(pointer('pointerleave'));
	expect(open).toBe(false);
});

test('does not come for a finger, nor after a click', () => {
	render(IconButton, { icon: Bell, label: 'Notifications' });
	const button = screen.getByRole('button', { name: 'Notifications' });
	button.dispatchEvent(pointer('pointerenter', 'touch'));
	vi.advanceTimersByTime(1000);
	expect(open).toBe(false);
	button.dispatchEvent(pointer('pointerenter'));
	button.dispatchEvent(pointer('pointerdown'));
	vi.advanceTimersByTime(1000);
	expect(open).toBe(false);
});

test('goes with Escape and with its control', () => {
	const { unmount } = render(IconButton, { icon: Bell, label: 'Notifications' });
	const button = screen.getByRole('button', { name: 'Notifications' });
	button.dispatchEvent(pointer('pointerenter'));
	vi.advanceTimersByTime(400);
	window.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }));
	expect(open).toBe(false);
	button.dispatchEvent(pointer('pointerenter'));
	vi.advanceTimersByTime(400);
	expect(open).toBe(true);
	unmount();
	expect(open).toBe(false);
});
