/* alarm_scale_sql -- the SELECT of alarm_db_each_scale(): what is wrong with
 * scaling; each row is a whole alarm.  Constant. */
#ifndef LARS_DB_ALARM_SCALE_SQL_H
#define LARS_DB_ALARM_SCALE_SQL_H

#define ALARM_SCALE_STUCK "2 MINUTE" /* a shortage is an alarm after so long */
#define ALARM_SCALE_AGE "30 SECOND" /* a shortage that is older is not believed */

extern const char alarm_scale_sql[];

#endif
