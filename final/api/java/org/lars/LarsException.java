package org.lars;

/** What is below zero in lars.h. */
public final class LarsException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final int code;

    LarsException(int code) {
        super(Native.words(code));
        this.code = code;
    }

    /** An errno with a minus, as in lars.h. */
    public int code() {
        return code;
    }

    /** Its name: "ENOENT". */
    public String name() {
        return Native.name(code);
    }

    static int check(int rc) {
        if (rc < 0) {
            throw new LarsException(rc);
        }
        return rc;
    }
}
