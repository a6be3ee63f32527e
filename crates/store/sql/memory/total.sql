SELECT COUNT(*) FROM proposal WHERE user_id = $1 AND status = 'pending'
