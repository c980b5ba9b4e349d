package org.lars;

/** A retry budget: one for each module, shared by all threads. */
public final class Budget {
    final long p; // struct lars_budget

    /** A full budget. */
    public Budget() {
        long at = Native.newBudget();

        if (at == 0) {
            throw new OutOfMemoryError("a budget");
        }
        p = at;
        Client.CLEANER.register(this, () -> Native.free(at));
    }
}
