#include "balloon/alerts.h"

#include "balloon/vm.h"

/* What is so as long as the guest is as it is. */
static enum reason standing_trouble(const struct vm *vm)
{
    bool has_spoken = vm->last_ns != 0 && !vm->is_fallback;

    if (has_spoken && (vm->last.flags & FIGURES_HAS_BALLOON) == 0)
        return REASON_NO_BALLOON;
    if (vm->facts.has_pci_device)
        return REASON_PASSTHROUGH;
    return has_spoken && vm->policy.kind == POLICY_DEMAND && vm->last.swap_total_kib == 0
               ? REASON_UNSHIELDED
               : REASON_NONE;
}

enum reason alerts_trouble(const struct vm *vm, int64_t now_ns)
{
    if (vm->policy.kind == POLICY_FIXED)
        return REASON_NONE;
    if (vm->is_stuck)
        return REASON_STUCK;
    if (vm->foreign_until_ns == INT64_MAX)
        return REASON_FOREIGN;
    if (vm->blocked_by == REASON_NO_AGENT || vm->blocked_by == REASON_NO_RECORD ||
        vm->blocked_by == REASON_SPENT || vm->blocked_by == REASON_NO_SWAP)
        return vm->blocked_by;
    if (vm->last_ns != 0 && !vm_has_record(vm, now_ns, VM_STALE_NS))
        return REASON_STALE;
    if (vm->blocked_by == REASON_AT_CEILING &&
        vm_margin_kib(vm) < (int64_t)vm_firm_headroom_kib(vm) / 2)
        return REASON_AT_CEILING;
    return standing_trouble(vm);
}

static bool is_too_soon(const struct alerts *a, enum reason trouble, int64_t now_ns)
{
    return a->told_ns[trouble] != 0 && now_ns - a->told_ns[trouble] < ALERTS_EVERY_NS;
}

bool alerts_note(struct alerts *a, enum reason trouble, int64_t now_ns)
{
    if (trouble != a->present) {
        a->withheld += a->present != REASON_NONE && !a->is_told;
        a->present = trouble;
        a->is_told = false;
    }
    if (trouble == REASON_NONE || a->is_told || is_too_soon(a, trouble, now_ns))
        return false;
    a->is_told = true;
    a->told_ns[trouble] = now_ns;
    return true;
}
