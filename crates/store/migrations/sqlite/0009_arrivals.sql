-- What is asked when a socket comes: ids only, answered from indexes alone.
DROP INDEX channel_member_user;
CREATE INDEX channel_member_shown ON channel_member (user_id, channel_id) WHERE hidden_at_ns IS NULL;
CREATE INDEX channel_kinds ON channel (id, kind);

-- Which markers moved since a client left.
CREATE INDEX channel_member_changed ON channel_member (user_id, updated_at_ns);

-- Who joined last: joining times of a channel strictly increase.
CREATE INDEX channel_member_joined ON channel_member (channel_id, joined_at_ns);
