SELECT k.id, k.user_id, u.email, k.name, k.hint, k.created_at_ms, k.last_used_at_ms
FROM api_key k JOIN user_account u ON u.id = k.user_id
ORDER BY k.created_at_ms, k.id LIMIT 1000
