/*
 * sql_files.h - the SQL files of the repository, embedded at build time (scripts/embed.sh).
 */
#ifndef PAGEMETER_SQL_FILES_H
#define PAGEMETER_SQL_FILES_H

struct sql_file {
    const char *name; /* without folder and ending; NULL ends a table */
    const char *text;
};

/* schema/sqlite/ and its folders, in order */
extern const struct sql_file sql_migrations[];
extern const struct sql_file sql_balloon_migrations[];
extern const struct sql_file sql_billing_migrations[];
extern const struct sql_file sql_ship_migrations[];
extern const struct sql_file sql_pg_migrations[]; /* schema/postgres/ */
/* those that are others in PostgreSQL, by the names that they have in SQLite */
extern const struct sql_file sql_pg_audits[];
extern const struct sql_file sql_audits[];            /* sql/audit/ */
extern const struct sql_file sql_billing_audits[];    /* sql/audit/billing/ */
extern const struct sql_file sql_manifest_audits[];   /* sql/audit/manifest/: of one export */
extern const struct sql_file sql_reports[];           /* sql/reports/: of meter.db alone */
extern const struct sql_file sql_billing_reports[];   /* sql/reports/billing/ */
extern const struct sql_file sql_questions[];         /* sql/questions/: of meter.db alone */
extern const struct sql_file sql_billing_questions[]; /* sql/questions/billing/ */

#endif
