-- account_vms: every VM that was ever said to be an account's.
-- :account is its id.
SELECT DISTINCT vm FROM vm_owner WHERE account = CAST(:account AS text) ORDER BY vm LIMIT 10000;
