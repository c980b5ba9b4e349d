package org.lars;

/** The agent does not answer (ETIMEDOUT), or the time of a request is over (ETIME). */
public final class TimedOutException extends LarsException {
    private static final long serialVersionUID = 1;

    TimedOutException(int code, String text) {
        super(code, text);
    }
}
