-- :name INSERT_PRUNE
SELECT meter.prune_store(?1 / 1000000000000, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);
