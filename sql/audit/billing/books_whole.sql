-- books_whole: what SQLite itself finds wrong with billing.db.
SELECT integrity_check AS finding FROM pragma_integrity_check(100, 'main')
 WHERE integrity_check <> 'ok';
SELECT "table" AS row_of, rowid AS number, parent AS missing FROM pragma_foreign_key_check;
