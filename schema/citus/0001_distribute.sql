-- 0001_distribute.sql: the tables of schema/postgres/ over the nodes of a Citus cluster (11.3 or newer). Run
-- once, by who owns the tables, on the coordinator, after the migrations and before anything is shipped:
-- docs/scale.md says when it is worth it.
--
-- Everything measured is distributed by store_no: all rows of a store are on one node, so that joins of
-- them, their windows, and a batch that ship() stores are work of that node alone. Sums over stores are made
-- of sums of each. store_no is in every key, since a node can look for what is unique among its own rows only.

BEGIN;
SET LOCAL search_path = meter, public;

-- Small, read with everything, and referred to: a copy on each node.
SELECT create_reference_table('host');
SELECT create_reference_table('host_role');
SELECT create_reference_table('store');
SELECT create_reference_table('hours_pruned');

-- What has been delivered of a store decides what is shown of it.
SELECT create_distributed_table('delivered', 'store_no');

-- All the others lie where that lies. Those in months are distributed with their partitions; months that
-- are attached later are distributed by that.
SELECT create_distributed_table(name, 'store_no', colocate_with => 'delivered')
  FROM unnest(ARRAY['retired', 'ship_conflict', 'boot_row', 'restart_row', 'gap_row', 'clock_step_row', 'hour_cut_row',
                    'life_row', 'segment_row', 'segment_ahead', 'tick_pack', 'usage_hour', 'usage_day', 'derived',
                    'prune']) AS name;

-- The books stay as they are, on the coordinator: they are small beside what is measured, each command
-- writes them in one transaction, the ledger is one chain, and triggers keep what was said. No trigger is
-- on a distributed table.

COMMIT;
