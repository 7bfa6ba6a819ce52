/*
 * plan_done.c - what became of an action: what its VM remembers of it.
 */
#include "balloon/plan.h"

enum { BACKOFF_MOST = 5 };

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void turn(struct vm *vm, int direction)
{
    vm->reversals += vm->last_direction == -direction;
    vm->last_direction = direction;
}

static void did_grow(struct vm *vm, const struct action *a, int64_t now_ns)
{
    uint64_t grown = a->target_kib - a->before_kib;
    uint64_t had = vm_from_pool_kib(vm, now_ns);

    if (had == 0)
        vm->pool_ns = now_ns;
    vm->pool_kib = had + grown;
    vm->grant_kib = grown;
    vm->is_grant_judged = false;
    vm->grant_need_kib = vm_need_kib(vm);
    vm->grant_ns = vm->quiet_ns = now_ns;
    vm->low_ns = 0;
    vm->earnest_ns = 0; /* each answer is good for one grant */
    vm->has_stalled = false;
    if (a->claim_kib != 0)
        vm->claim_ns = now_ns; /* an older claim that was not renewed still ends by its own time */
    vm->domain.max_kib = a->cap_kib;
    vm->nudged_from_kib = 0;
    vm->grants++;
    if (a->reason == REASON_UNDO) {
        vm->undos++;
        vm->backoff += vm->backoff < BACKOFF_MOST;
        vm->taken_kib -= min_of(grown, vm->taken_kib); /* what could not be given is still owed */
    } else {
        vm->taken_kib = 0;
    }
    if (vm->taken_kib == 0)
        vm->taken_ns = 0;
    turn(vm, 1);
}

static void did_shrink(struct vm *vm, const struct action *a, int64_t now_ns)
{
    if (a->reason == REASON_STUCK || a->reason == REASON_UNREACHABLE)
        return; /* its target went to what it has */
    if (vm->taken_kib == 0) {
        vm->refault_rate = vm_refaults_per_s(vm);
        vm->refault_swap = vm->last.swap_in;
    }
    if (a->reason == REASON_FAIR_SHARE)
        vm->reclaimed_ns = now_ns;
    vm->taken_kib += a->before_kib - a->target_kib;
    vm->taken_ns = now_ns;
    vm->is_fresh_record = false;
    vm->shrinks++;
    turn(vm, -1);
}

static void did_nudge(struct vm *vm, const struct action *a, int64_t now_ns)
{
    bool is_back = vm->nudged_from_kib != 0;

    vm->nudged_from_kib = is_back ? 0 : a->before_kib;
    vm->wakes += !is_back;
    vm->woken_ns = now_ns;
}

static void did(struct vm *vm, const struct action *a, int64_t now_ns)
{
    int64_t progress_ns = vm->progress_ns;

    switch (a->kind) {
    case ACTION_GROW:
        did_grow(vm, a, now_ns);
        break;
    case ACTION_SHRINK:
        did_shrink(vm, a, now_ns);
        break;
    case ACTION_NUDGE:
        did_nudge(vm, a, now_ns);
        break;
    case ACTION_CAP:
        vm->domain.max_kib = a->cap_kib;
        return;
    case ACTION_CLAIM_END:
        vm->claim_ns = 0;
        return;
    }
    vm_note_written(vm, a->target_kib, now_ns);
    if (a->kind == ACTION_NUDGE)
        vm->progress_ns = progress_ns; /* moving a target to wake is no progress */
}

void plan_done(struct vm *vm, const struct action *action, enum reason failure, int64_t now_ns)
{
    if (failure == REASON_NONE) {
        did(vm, action, now_ns);
        return;
    }
    vm->blocked_by = failure;
    if (failure == REASON_FAILED)
        vm->failed_ns = now_ns;
}
