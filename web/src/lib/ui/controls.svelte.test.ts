import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { createRawSnippet } from 'svelte';
import { describe, expect, test, vi } from 'vitest';
import Badge from './Badge.svelte';
import Button from './Button.svelte';
import PasswordField from './PasswordField.svelte';
import PeoplePicker from './PeoplePicker.svelte';
import Row from './Row.svelte';
import TextField from './TextField.svelte';

const text = (words: string) => createRawSnippet(() => ({ render: () => `<span>${words}</span>` }));

describe('Button', () => {
	test('a busy button keeps its name and ignores clicks', async () => {
		const onclick = vi.fn();
		render(Button, { busy: true, onclick, children: text('Save') });
		const button = screen.getByRole('button', { name: 'Save' });
		await userEvent.click(button);
		expect(onclick).not.toHaveBeenCalled();
		expect(button).toHaveProperty('ariaBusy', 'true');
	});

	test('a disabled button can be reached and says why', async () => {
		const onclick = vi.fn();
		render(Button, { disabledReason: 'Only an admin can do this', onclick, children: text('Delete') });
		const button = screen.getByRole('button', { name: 'Delete' });
		await userEvent.tab();
		expect(document.activeElement).toBe(button);
		await userEvent.keyboard('{Enter}');
		expect(onclick).not.toHaveBeenCalled();
		expect(button.getAttribute('aria-disabled')).toBe('true');
		expect(button.getAttribute('aria-description')).toBe('Only an admin can do this');
	});

	test('a disabled submit button does not send the form', async () => {
		const form = document.createElement('form');
		const onsubmit = vi.fn((event: Event) => event.preventDefault());
		form.addEventListener('submit', onsubmit);
		document.body.append(form);
		render(Button, { target: form, props: { type: 'submit', disabled: true, children: text('Send') } });
		await userEvent.click(screen.getByRole('button', { name: 'Send' }));
		expect(onsubmit).not.toHaveBeenCalled();
		form.remove();
	});
});

describe('fields', () => {
	test('the error belongs to the field', () => {
		render(TextField, { label: 'Name', error: 'The name is taken. Choose another one.', hint: 'Lower case.' });
		const field = screen.getByLabelText('Name');
		expect(field.getAttribute('aria-invalid')).toBe('true');
		const words = field
			.getAttribute('aria-describedby')!
			.split(' ')
			.map((id) => document.getElementById(id)?.textContent?.trim());
		expect(words).toEqual(['The name is taken. Choose another one.', 'Lower case.']);
	});

	test('a password can be shown and hidden again', async () => {
		render(PasswordField, { value: 'secret' });
		const field = screen.getByLabelText<HTMLInputElement>('Password');
		expect(field.type).toBe('password');
		await userEvent.click(screen.getByRole('button', { name: 'Show password' }));
		expect(field.type).toBe('text');
		await userEvent.click(screen.getByRole('button', { name: 'Hide password' }));
		expect(field.type).toBe('password');
		expect(field.value).toBe('secret');
	});
});

describe('Badge', () => {
	test.each([
		[1, '1', '1 unread'],
		[99, '99', '99 unread'],
		[100, '99+', '100 unread'],
	])('%d is shown as %s and read as "%s"', (count, shown, words) => {
		const { container } = render(Badge, { count });
		expect(container.querySelector('[aria-hidden]')?.textContent).toBe(shown);
		expect(container.querySelector('.sr-only')?.textContent).toBe(words);
	});

	test('zero shows nothing', () => {
		expect(render(Badge, { count: 0 }).container.textContent).toBe('');
	});
});

describe('Row', () => {
	test('its name holds the place, the presence and the count in words', () => {
		render(Row, { label: 'Grace Hopper', href: '/channels/1', words: 'online', count: 128, unread: true });
		expect(screen.getByRole('link', { name: 'Grace Hopper , online 128 unread' })).toBeTruthy();
	});

	test('the open place is the current page', () => {
		render(Row, { label: 'launch', href: '/channels/2', selected: true });
		expect(screen.getByRole('link').getAttribute('aria-current')).toBe('page');
	});
});

describe('PeoplePicker', () => {
	const PEOPLE = [
		{ id: '1', name: 'Ada Lovelace' },
		{ id: '2', name: 'Grace Hopper' },
		{ id: '3', name: 'Katherine Johnson', disabledReason: 'already a member' },
	];

	test('picks with arrows and Enter, takes back with Backspace', async () => {
		render(PeoplePicker, { label: 'Add people', options: PEOPLE });
		await userEvent.click(screen.getByRole('combobox', { name: 'Add people' }));
		await userEvent.keyboard('{ArrowDown}{Enter}');
		expect(screen.getByRole('button', { name: 'Remove Grace Hopper' })).toBeTruthy();
		expect(screen.getByRole('option', { name: /Grace/ }).getAttribute('aria-selected')).toBe('true');
		await userEvent.keyboard('{Backspace}');
		expect(screen.queryByRole('button', { name: 'Remove Grace Hopper' })).toBeNull();
	});

	test('who cannot be picked says why and stays unpicked', async () => {
		render(PeoplePicker, { label: 'Add people', options: PEOPLE });
		await userEvent.click(screen.getByRole('option', { name: /Katherine.*already a member/ }));
		expect(screen.queryByRole('button', { name: /Remove/ })).toBeNull();
	});

	test('a single choice replaces the one before', async () => {
		render(PeoplePicker, { label: 'With', options: PEOPLE, single: true });
		await userEvent.click(screen.getByRole('option', { name: /Ada/ }));
		await userEvent.click(screen.getByRole('option', { name: /Grace/ }));
		expect(screen.getAllByRole('button', { name: /Remove/ })).toHaveLength(1);
	});
});
