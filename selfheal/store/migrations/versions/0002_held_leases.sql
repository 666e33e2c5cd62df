-- Frozen: what revision 0002 changes. Later changes are later revisions.

ALTER TABLE leases ALTER COLUMN fq_name TYPE TEXT COLLATE "C";
ALTER TABLE leases ALTER COLUMN expires_at SET NOT NULL;
CREATE INDEX ix_held_leases ON leases (repo, branch, fq_name) WHERE state = 'held';
