#include "store/postgres.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/postgres_place.h"
#include "store/postgres_text.h"

/* types of PostgreSQL, from its catalog pg_type: int8 and text */
enum { OID_INT8 = 20, OID_TEXT = 25 };

/* Statements that are sent and not answered yet; small enough that neither side's buffers fill. */
enum { QUEUE_MAX = 128 };

/* A text that the server has prepared. */
struct prepared {
    struct prepared *next;
    char *sql;
    char types[POSTGRES_PARAMETERS_MAX]; /* 'i' or 't' */
    char name[16];
};

struct pg {
    PGconn *conn;
    struct pg_stmt *active; /* its rows are still to come */
    struct prepared *prepared;
    unsigned prepared_count;
    const char *queue[QUEUE_MAX]; /* what each does, for messages */
    size_t queued;
    bool is_in_transaction;
};

struct parameter {
    char *value; /* NULL: null */
    size_t room;
    char type;
};

struct pg_stmt {
    struct db_stmt base; /* first: a statement is this */
    struct postgres_text text;
    struct parameter parameters[POSTGRES_PARAMETERS_MAX];
    bool is_begun;
    PGresult *row;   /* the one that is read */
    PGresult *ahead; /* the one behind it, or how the answer ends; NULL: it broke off */
    PGresult *head;  /* the columns */
    PGresult **kept; /* rows that were still to come when another statement was run */
    size_t kept_count, kept_room, kept_next;
};

static struct pg *pg_of(const struct db *db)
{
    return db->handle;
}

static struct pg_stmt *pg_stmt(struct db_stmt *stmt)
{
    return (struct pg_stmt *)(void *)stmt;
}

/* ---- errors ---- */

static const struct {
    const char *state; /* SQLSTATE, or its class */
    enum error_code meaning;
    const char *advice;
} advices[] = {
    {"25006", ERR_USAGE, "it does not only read"},
    {"42501", ERR_SYSTEM, "this role may not: see docs/fleet.md for which role does what"},
    {"42P01", ERR_STORE, "it is no database of Pagemeter: make it one with pagemeter db init"},
    {"3F000", ERR_STORE, "it is no database of Pagemeter: make it one with pagemeter db init"},
    {"55P03", ERR_RETRY, "another program holds it: end that program"},
    {"40", ERR_RETRY, "another program wrote at the same time: run it again"},
    {"53", ERR_RETRY, "the server is full: make room on it"},
    {"57014", ERR_RETRY, "it was canceled there: unless that was by hand, raise statement_timeout"},
    {"57", ERR_RETRY, "the server was stopped, or this session ended there: run it again"},
    {"08", ERR_RETRY, "the connection broke: run it again"},
    {"P0001", ERR_REFUSED, "it refused"},
};

static bool fail(const struct db *db, const char *state, const char *said, const char *what,
                 struct error *err)
{
    bool is_broken = PQstatus(pg_of(db)->conn) == CONNECTION_BAD;
    if (said[0] == '\0')
        said = "its answer broke off";
    int length = (int)strcspn(said, "\n");

    if (strncmp(said, "ERROR:  ", 8) == 0) {
        said += 8;
        length -= 8;
    }
    if (is_broken && (state == NULL || strncmp(state, "57", 2) != 0))
        state = "08";
    for (size_t i = 0; state != NULL && i < sizeof advices / sizeof *advices; i++)
        if (strncmp(state, advices[i].state, strlen(advices[i].state)) == 0)
            return error_set(err, advices[i].meaning, "%s: can't %s: %s (%.*s)", db->path, what,
                             advices[i].advice, length, said);
    return error_set(err, ERR_STORE, "%s: can't %s: %.*s", db->path, what, length, said);
}

static bool fail_by_result(const struct db *db, const PGresult *result, const char *what,
                           struct error *err)
{
    const char *said = PQresultErrorMessage(result);

    return fail(db, PQresultErrorField(result, PG_DIAG_SQLSTATE),
                said[0] != '\0' ? said : PQerrorMessage(pg_of(db)->conn), what, err);
}

static bool fail_by_connection(const struct db *db, const char *what, struct error *err)
{
    return fail(db, NULL, PQerrorMessage(pg_of(db)->conn), what, err);
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE;
}

static bool is_row(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_SINGLE_TUPLE;
}

/* ---- the queue ---- */

/* Up to the end of one: rows may come one by one, as for a statement before the queue. */
static bool hear_one(struct db *db, const char *what, bool tells, struct error *err)
{
    struct pg *pg = pg_of(db);
    PGresult *result = PQgetResult(pg->conn);
    bool is_ok = result != NULL || (tells && fail_by_connection(db, what, err));

    for (; result != NULL; result = PQgetResult(pg->conn)) {
        if (is_ok && !is_good(result))
            is_ok = tells && fail_by_result(db, result, what, err);
        PQclear(result);
    }
    return is_ok;
}

/* Hears of all that was sent. The first failure is the one that is told. */
static bool hear_all(struct db *db, struct error *err)
{
    struct pg *pg = pg_of(db);
    bool is_ok = true;

    for (size_t i = 0; i < pg->queued; i++)
        is_ok = hear_one(db, pg->queue[i], is_ok, err) && is_ok;
    PQclear(PQgetResult(pg->conn)); /* the sync */
    pg->queued = 0;
    return is_ok;
}

static bool finish_queue(struct db *db, const char *what, struct error *err)
{
    struct pg *pg = pg_of(db);

    if (PQpipelineStatus(pg->conn) == PQ_PIPELINE_OFF)
        return true;
    if (pg->queued > 0 && PQpipelineSync(pg->conn) != 1) {
        pg->queued = 0;
        return fail_by_connection(db, what, err);
    }
    return (pg->queued == 0 || hear_all(db, err)) &&
           (PQexitPipelineMode(pg->conn) == 1 || fail_by_connection(db, what, err));
}

/* ---- rows that are still to come ---- */

static bool keep_rows(struct pg_stmt *s, struct error *err)
{
    struct pg *pg = pg_of(s->base.db);
    PGresult *result;

    while ((result = PQgetResult(pg->conn)) != NULL) {
        if (s->kept_count == s->kept_room) {
            size_t more = s->kept_room == 0 ? 64 : s->kept_room * 2;
            PGresult **larger = realloc(s->kept, more * sizeof(PGresult *));

            if (larger == NULL) {
                PQclear(result);
                return error_set(err, ERR_NOMEM, "not enough memory for the rows of an answer");
            }
            s->kept = larger;
            s->kept_room = more;
        }
        s->kept[s->kept_count++] = result;
    }
    pg->active = NULL;
    return true;
}

/* Makes the connection free for another statement. */
static bool make_way(struct db *db, const char *what, struct error *err)
{
    struct pg *pg = pg_of(db);

    return (pg->active == NULL || keep_rows(pg->active, err)) && finish_queue(db, what, err);
}

static void end_rows(struct pg_stmt *s)
{
    struct pg *pg = pg_of(s->base.db);
    PGresult *result;

    PQclear(s->row);
    PQclear(s->ahead);
    s->row = s->ahead = NULL;
    while (pg->active == s && (result = PQgetResult(pg->conn)) != NULL)
        PQclear(result);
    if (pg->active == s)
        pg->active = NULL;
    while (s->kept_next < s->kept_count)
        PQclear(s->kept[s->kept_next++]);
    free(s->kept);
    s->kept = NULL;
    s->kept_count = s->kept_room = s->kept_next = 0;
    s->is_begun = false;
}

/* ---- the connection ---- */

static bool exec(struct db *db, const char *sql, const char *what, struct error *err)
{
    struct pg *pg = pg_of(db);

    if (!make_way(db, what, err))
        return false;
    PGresult *result = PQexec(pg->conn, sql);
    bool is_ok = is_good(result) || fail_by_result(db, result, what, err);

    /* a transaction that failed before ends so, and says nothing */
    if (is_ok && strcmp(sql, "COMMIT") == 0 && strcmp(PQcmdStatus(result), "COMMIT") != 0)
        is_ok = error_set(err, ERR_STORE, "%s: can't %s: a statement before had failed", db->path,
                          what);
    if (strcmp(sql, "COMMIT") == 0)
        pg->is_in_transaction = false;
    PQclear(result);
    return is_ok;
}

static bool begin(struct db *db, enum db_transaction kind, const char *what, struct error *err)
{
    pg_of(db)->is_in_transaction =
        exec(db,
             kind == DB_WRITING ? "BEGIN ISOLATION LEVEL REPEATABLE READ"
                                : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
             what, err);
    return pg_of(db)->is_in_transaction;
}

static void rollback(struct db *db)
{
    struct pg *pg = pg_of(db);
    struct error ignored;

    (void)make_way(db, "undo it", &ignored);
    if (PQtransactionStatus(pg->conn) != PQTRANS_IDLE)
        PQclear(PQexec(pg->conn, "ROLLBACK"));
    pg->is_in_transaction = false;
}

static void close_it(struct db *db)
{
    struct pg *pg = pg_of(db);

    if (pg == NULL)
        return;
    for (struct prepared *p = pg->prepared, *next; p != NULL; p = next) {
        next = p->next;
        free(p->sql);
        free(p);
    }
    PQfinish(pg->conn);
    free(pg);
}

/* ---- statements ---- */

static bool prepare(struct db *db, const char *sql, const char **rest, struct db_stmt **out,
                    const char *what, struct error *err)
{
    struct pg_stmt *s = calloc(1, sizeof *s);

    (void)what;
    *out = NULL;
    if (s == NULL)
        return error_set(err, ERR_NOMEM, "%s: not enough memory to ask it", db->path);
    s->base.db = db;
    bool is_ok = postgres_text_read(sql, rest, &s->text, err);

    if (s->text.sql == NULL) {
        free(s);
        return is_ok;
    }
    for (int i = 0; i < s->text.parameters; i++)
        s->parameters[i].type = 't';
    *out = &s->base;
    return true;
}

static struct prepared *find_prepared(const struct pg *pg, const struct pg_stmt *s)
{
    for (struct prepared *p = pg->prepared; p != NULL; p = p->next) {
        bool is_it = strcmp(p->sql, s->text.sql) == 0;

        for (int i = 0; is_it && i < s->text.parameters; i++)
            is_it = p->types[i] == s->parameters[i].type;
        if (is_it)
            return p;
    }
    return NULL;
}

/* NULL on failure. */
static struct prepared *make_prepared(struct pg_stmt *s, const char *what, struct error *err)
{
    struct db *db = s->base.db;
    struct pg *pg = pg_of(db);
    struct prepared *p = calloc(1, sizeof *p);
    Oid types[POSTGRES_PARAMETERS_MAX];

    if (p == NULL || (p->sql = strdup(s->text.sql)) == NULL) {
        free(p);
        (void)error_set(err, ERR_NOMEM, "%s: not enough memory to ask it", db->path);
        return NULL;
    }
    (void)snprintf(p->name, sizeof p->name, "p%u", ++pg->prepared_count);
    for (int i = 0; i < s->text.parameters; i++) {
        p->types[i] = s->parameters[i].type;
        types[i] = p->types[i] == 'i' ? OID_INT8 : OID_TEXT;
    }
    PGresult *result = NULL;
    bool is_ok = make_way(db, what, err);

    if (is_ok) {
        result = PQprepare(pg->conn, p->name, p->sql, s->text.parameters, types);
        is_ok = is_good(result) || fail_by_result(db, result, what, err);
    }
    PQclear(result);
    if (!is_ok) {
        free(p->sql);
        free(p);
        return NULL;
    }
    p->next = pg->prepared;
    pg->prepared = p;
    return p;
}

static bool send(struct pg_stmt *s, const char *what, struct error *err)
{
    struct db *db = s->base.db;
    struct pg *pg = pg_of(db);
    const char *values[POSTGRES_PARAMETERS_MAX];
    struct prepared *p = find_prepared(pg, s);

    if (p == NULL && (p = make_prepared(s, what, err)) == NULL)
        return false;
    for (int i = 0; i < s->text.parameters; i++)
        values[i] = s->parameters[i].value;
    return PQsendQueryPrepared(pg->conn, p->name, s->text.parameters, values, NULL, NULL, 0) == 1 ||
           fail_by_connection(db, what, err);
}

static PGresult *next_result(struct pg_stmt *s)
{
    struct pg *pg = pg_of(s->base.db);

    if (s->kept != NULL)
        return s->kept_next < s->kept_count ? s->kept[s->kept_next++] : NULL;
    return pg->active == s ? PQgetResult(pg->conn) : NULL;
}

/*
 * Outside of a transaction the server says that a statement is done, and commits it then: should
 * that fail, the failure comes behind an end that looked good. So all that comes behind the rows is
 * heard, and the first failure among it is how the answer ends.
 */
static void look_ahead(struct pg_stmt *s)
{
    PGresult *result;

    s->ahead = next_result(s);
    while (s->ahead != NULL && !is_row(s->ahead) && (result = next_result(s)) != NULL) {
        if (is_good(s->ahead)) {
            PQclear(s->ahead);
            s->ahead = result;
        } else {
            PQclear(result);
        }
    }
}

static bool begin_rows(struct pg_stmt *s, const char *what, struct error *err)
{
    struct pg *pg = pg_of(s->base.db);

    if (!make_way(s->base.db, what, err) || !send(s, what, err))
        return false;
    (void)PQsetSingleRowMode(pg->conn);
    pg->active = s;
    s->is_begun = true;
    look_ahead(s);
    return true;
}

/* The last row is given when it is known that all went well: many callers ask for no more. */
static enum db_row step(struct db_stmt *stmt, const char *what, struct error *err)
{
    struct pg_stmt *s = pg_stmt(stmt);

    if (!s->is_begun && !begin_rows(s, what, err))
        return DB_FAILED;
    bool has_row = is_row(s->ahead);

    if (has_row) {
        PQclear(s->row);
        s->row = s->ahead;
        look_ahead(s);
    }
    bool is_ok = is_good(s->ahead) || fail_by_result(stmt->db, s->ahead, what, err);

    if (is_ok && has_row)
        return DB_ROW;
    end_rows(s);
    return is_ok ? DB_DONE : DB_FAILED;
}

static bool run_now(struct db_stmt *stmt, const char *what, struct error *err)
{
    enum db_row row;

    while ((row = step(stmt, what, err)) == DB_ROW)
        continue;
    return row == DB_DONE;
}

/* Sends and does not wait. */
static bool run_later(struct pg_stmt *s, const char *what, struct error *err)
{
    struct db *db = s->base.db;
    struct pg *pg = pg_of(db);

    if ((pg->active != NULL && !keep_rows(pg->active, err)) ||
        (pg->queued == QUEUE_MAX && !finish_queue(db, what, err)) ||
        (find_prepared(pg, s) == NULL && make_prepared(s, what, err) == NULL))
        return false;
    if (PQpipelineStatus(pg->conn) == PQ_PIPELINE_OFF && PQenterPipelineMode(pg->conn) != 1)
        return fail_by_connection(db, what, err);
    if (!send(s, what, err))
        return false;
    pg->queue[pg->queued++] = what;
    return true;
}

static bool run(struct db_stmt *stmt, const char *what, struct error *err)
{
    struct pg_stmt *s = pg_stmt(stmt);

    if (s->is_begun || !pg_of(stmt->db)->is_in_transaction)
        return run_now(stmt, what, err);
    return run_later(s, what, err);
}

static void finalize(struct db_stmt *stmt)
{
    struct pg_stmt *s = pg_stmt(stmt);

    end_rows(s);
    PQclear(s->head);
    for (int i = 0; i < s->text.parameters; i++)
        free(s->parameters[i].value);
    free(s->text.sql);
    free(s);
}

/* ---- values ---- */

static int parameter(struct db_stmt *stmt, const char *name)
{
    const struct postgres_text *text = &pg_stmt(stmt)->text;

    for (int i = 0; i < text->parameters; i++)
        if (strcmp(text->names[i], name) == 0)
            return i + 1;
    return 0;
}

/* Without memory for it the value is null, which the tables refuse. */
static void bind(struct db_stmt *stmt, int place, char type, const char *value)
{
    size_t size = strlen(value) + 1;

    if (place < 1 || place > pg_stmt(stmt)->text.parameters)
        return;
    struct parameter *p = &pg_stmt(stmt)->parameters[place - 1];

    if (size > p->room) {
        free(p->value);
        p->value = malloc(size);
        p->room = p->value != NULL ? size : 0;
    }
    if (p->value != NULL)
        memcpy(p->value, value, size);
    p->type = type;
}

static void bind_int(struct db_stmt *stmt, int place, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    bind(stmt, place, 'i', text);
}

static void bind_text(struct db_stmt *stmt, int place, const char *text)
{
    bind(stmt, place, 't', text);
}

/* Asked for before the first row, too: the answer is looked at then. */
static const PGresult *head_of(struct pg_stmt *s)
{
    struct error ignored; /* the step that follows fails again */

    if (!s->is_begun && s->head == NULL)
        (void)!begin_rows(s, "ask it", &ignored);
    if (s->head == NULL)
        s->head = PQcopyResult(s->row != NULL ? s->row : s->ahead, PG_COPYRES_ATTRS);
    return s->head;
}

static int columns(struct db_stmt *stmt)
{
    return PQnfields(head_of(pg_stmt(stmt)));
}

static const char *column_name(struct db_stmt *stmt, int column)
{
    return PQfname(head_of(pg_stmt(stmt)), column);
}

static bool is_null(struct db_stmt *stmt, int column)
{
    const PGresult *row = pg_stmt(stmt)->row;

    return row == NULL || PQgetisnull(row, 0, column) == 1;
}

static const char *text(struct db_stmt *stmt, int column)
{
    return is_null(stmt, column) ? NULL : PQgetvalue(pg_stmt(stmt)->row, 0, column);
}

static int64_t get_int(struct db_stmt *stmt, int column)
{
    const char *value = text(stmt, column);

    if (value == NULL)
        return 0;
    return value[0] == 't' ? 1 : strtoll(value, NULL, 10);
}

static const struct db_engine engine = {
    .exec = exec,
    .begin = begin,
    .rollback = rollback,
    .close = close_it,
    .prepare = prepare,
    .step = step,
    .run = run,
    .finalize = finalize,
    .parameter = parameter,
    .bind_int = bind_int,
    .bind_text = bind_text,
    .columns = columns,
    .column_name = column_name,
    .get_int = get_int,
    .text = text,
    .is_null = is_null,
};

/* ---- opening ---- */

enum { OPTIONS_MAX = 64 };

struct options {
    const char *names[OPTIONS_MAX + 1], *values[OPTIONS_MAX + 1];
    int count;
};

static void add_option(struct options *o, const char *name, const char *value)
{
    if (o->count == OPTIONS_MAX)
        return;
    o->names[o->count] = name;
    o->values[o->count++] = value;
}

static const char *find_option(const PQconninfoOption *list, const char *name)
{
    for (; list->keyword != NULL; list++)
        if (strcmp(list->keyword, name) == 0)
            return list->val;
    return NULL;
}

/* By the URI, else by the environment, as libpq has it; what is empty is not said. NULL: nowhere.
 */
static const char *find_said(const PQconninfoOption *list, const char *name, const char *variable)
{
    const char *said = find_option(list, name);

    if (said == NULL || said[0] == '\0')
        said = getenv(variable);
    return said != NULL && said[0] != '\0' ? said : NULL;
}

static bool is_local(const PQconninfoOption *list)
{
    return postgres_place_is_local(find_said(list, "host", "PGHOST"),
                                   find_said(list, "hostaddr", "PGHOSTADDR"));
}

#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"

/*
 * What the URI does not say. A server that vanished without a word is noticed within two minutes,
 * and not when the system's own keepalive gives up, which is after two hours.
 */
static const struct {
    const char *name, *value;
} defaults[] = {
    {"connect_timeout", "10"}, {"keepalives_idle", "60"},      {"keepalives_interval", "10"},
    {"keepalives_count", "6"}, {"tcp_user_timeout", "120000"},
};

static void verify(struct options *o, const PQconninfoOption *list)
{
    add_option(o, "sslmode", "verify-full");
    if (find_said(list, "sslrootcert", "PGSSLROOTCERT") == NULL && access(SYSTEM_ROOTS, R_OK) == 0)
        add_option(o, "sslrootcert", SYSTEM_ROOTS);
}

static bool has_service(const PQconninfoOption *list)
{
    return find_said(list, "service", "PGSERVICE") != NULL;
}

/* Which host a service file names is not known here. What it says goes before the environment. */
static void verify_by_environment(void)
{
    const char *mode = getenv("PGSSLMODE");

    if (setenv("PGSSLMODE", "verify-full", mode == NULL || mode[0] == '\0') == 0 &&
        access(SYSTEM_ROOTS, R_OK) == 0)
        (void)setenv("PGSSLROOTCERT", SYSTEM_ROOTS, 0);
}

/* What the URI says, and what is missing there. */
static void gather(struct options *o, const PQconninfoOption *list)
{
    for (const PQconninfoOption *p = list; p->keyword != NULL; p++)
        if (p->val != NULL && p->val[0] != '\0')
            add_option(o, p->keyword, p->val);
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (find_option(list, defaults[i].name) == NULL)
            add_option(o, defaults[i].name, defaults[i].value);
    if (has_service(list))
        verify_by_environment();
    else if (find_said(list, "sslmode", "PGSSLMODE") == NULL && !is_local(list))
        verify(o, list);
    add_option(o, "fallback_application_name", "pagemeter");
    o->names[o->count] = NULL;
    o->values[o->count] = NULL;
}

/* The name for messages: where it is, and nothing that is secret. */
static void name_it(struct db *db, const PGconn *conn)
{
    (void)snprintf(db->path, sizeof db->path, "postgresql://%s%s%s",
                   PQhost(conn)[0] != '/' ? PQhost(conn) : "", "/", PQdb(conn));
}

static bool connect(struct db *db, const PQconninfoOption *list, struct error *err)
{
    struct options options = {.count = 0};
    struct pg *pg = calloc(1, sizeof *pg);

    if (pg == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to open a database");
    gather(&options, list);
    pg->conn = PQconnectdbParams(options.names, options.values, 0);
    db->engine = &engine;
    db->handle = pg;
    db->is_postgres = true;
    if (PQstatus(pg->conn) == CONNECTION_OK) {
        name_it(db, pg->conn);
        return true;
    }
    const char *said = PQerrorMessage(pg->conn);

    return error_set(err, ERR_RETRY, "can't reach PostgreSQL: %.*s", (int)strcspn(said, "\n"),
                     said);
}

bool postgres_open(struct db *db, const char *uri, bool is_writer, struct error *err)
{
    char *wrong = NULL;
    PQconninfoOption *list = PQconninfoParse(uri, &wrong);

    if (list == NULL) {
        /* what libpq says may have the password in it */
        PQfreemem(wrong);
        return error_set(err, ERR_USAGE,
                         "the postgresql:// URI is wrong: "
                         "it is postgresql://[user@]host[:port]/database[?option=value]");
    }
    bool is_ok = connect(db, list, err);

    PQconninfoFree(list);
    return is_ok &&
           exec(db,
                "SET search_path = meter, billing, pg_temp; SET client_min_messages = warning; "
                "SET client_encoding = 'UTF8'; SET jit = off; SET TimeZone = 'UTC'; "
                "SET default_transaction_isolation = 'read committed'",
                "open it", err) &&
           (is_writer || exec(db, "SET default_transaction_read_only = on", "open it", err));
}

bool postgres_lock(struct db *db, const char *name, int wait_s, bool *is_held, struct error *err)
{
    struct db_stmt *stmt = NULL;
    bool is_ok = true;

    *is_held = false;
    for (int i = 0; is_ok && !*is_held && i <= wait_s * 10; i++) {
        if (i > 0)
            (void)usleep(100000);
        is_ok = db_prepare(db, "SELECT pg_try_advisory_lock(1347898740, hashtext(?1))", &stmt, err);
        if (is_ok) {
            db_bind_text(stmt, 1, name);
            is_ok = db_step(stmt, "lock it", err) == DB_ROW;
            *is_held = is_ok && db_int(stmt, 0) != 0;
        }
        db_finalize(stmt);
    }
    return is_ok;
}
