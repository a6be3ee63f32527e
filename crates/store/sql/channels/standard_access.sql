-- Every standard channel with what says who may read it.
SELECT id, user_id, access_control FROM channel WHERE kind = 'standard' LIMIT 10000
