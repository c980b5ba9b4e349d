/* api -- the handlers of the routes of the console, one for each entry of router.c.  A
 * handler writes the reply of its request.  Thread: as the entry's place says. */
#ifndef LARS_WEB_API_H
#define LARS_WEB_API_H

#include "web/router.h"

/* api_session.c */
route_fn api_session_login, api_session_wall, api_session_get, api_session_end;
route_fn api_session_password, api_session_capabilities;
/* api_read.c */
route_fn api_read_overview, api_read_modules, api_read_zones, api_read_services;
route_fn api_read_wall;
/* api_gateway.c */
route_fn api_gateway_list;
/* api_scaling.c, api_scaling_change.c */
route_fn api_scaling_get, api_scaling_history;
route_fn api_scaling_change_set, api_scaling_change_off, api_scaling_change_freeze;
route_fn api_scaling_change_unfreeze, api_scaling_change_plan, api_scaling_change_unplan;
route_fn api_scaling_change_host, api_scaling_change_forget;
/* api_drill.c */
route_fn api_drill_list, api_drill_get, api_drill_report, api_drill_abort;
/* api_gateway_change.c */
route_fn api_gateway_change_drain, api_gateway_change_undrain;
/* api_module.c, api_history.c */
route_fn api_module_get, api_history_module, api_history_latency, api_history_zone;
/* api_alarm.c */
route_fn api_alarm_list, api_alarm_get, api_alarm_ack, api_alarm_silences;
route_fn api_alarm_silence, api_alarm_unsilence, api_alarm_forget_agent;
/* api_admin.c */
route_fn api_admin_sessions, api_admin_end_sessions, api_admin_links, api_admin_link;
route_fn api_admin_end_links, api_admin_targets, api_admin_test_target;
/* api_change.c, api_audit.c */
route_fn api_change_post, api_change_state, api_audit_list, api_audit_get;

#endif
