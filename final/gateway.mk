# gateway.mk -- the sources and tests of the HTTP gateway and of the exhibition site, which
# it forwards to.  llhttp parses HTTP: Debian has its sources and no library (node-llhttp).
LLHTTP := /usr/share
SRCS += src/fleet/drill_mark.c src/fleet/fleet_keys.c src/fleet/gateway_client.c src/fleet/gateway_list.c src/fleet/signed_command.c
SRCS += src/gateway/handover.c src/gateway/successor.c src/gateway/upgrade.c src/net/inherited.c src/obs/notify.c
SRCS += src/gateway/generation.c src/gateway/modules.c src/gateway/registrar.c src/obs/sig_watch.c
SRCS += src/net/portgroup.c src/net/stream.c \
        src/http/cache_control.c src/http/http_body.c src/http/http_head.c src/http/http_parse.c src/http/http_path.c src/http/http_write.c \
        src/gateway/admit.c src/gateway/admit_queue.c src/gateway/admit_rule.c \
        src/gateway/visit.c src/gateway/visitor_admit.c src/gateway/waiting_page.c \
        src/gateway/access_log.c src/gateway/cache.c src/gateway/cache_fetch.c src/gateway/cache_wait.c src/gateway/capacity.c src/gateway/drain.c src/gateway/fallback.c src/gateway/forward.c src/gateway/forward_answer.c src/gateway/listeners.c src/gateway/loop_load.c src/gateway/loop_rule.c src/gateway/gate_loop.c src/gateway/lazy_timer.c src/gateway/gateway.c src/gateway/gateway_metrics.c src/gateway/gateway_admin.c src/gateway/gateway_status.c \
        src/gateway/node_pool.c src/gateway/outcome.c src/gateway/own_page.c src/gateway/rules.c src/gateway/visitor.c \
        src/gateway/visitor_answer.c src/gateway/visitor_gone.c src/gateway/visitor_body.c src/gateway/visitor_cache.c src/gateway/visitor_confirm.c src/gateway/visitor_redirect.c src/gateway/visitor_source.c
SRCS  += src/base/loopback.c src/base/role.c src/net/conn_input.c src/net/tls_conf.c src/net/tls_conn.c src/net/tls_files.c src/net/tls_identity.c \
         src/net/tls_link.c src/net/tls_peer.c src/net/tls_revoked.c src/net/tls_waiting.c src/net/tls_why.c src/obs/daemon_tls.c src/proto/msg_roles.c src/ctl/ask_service.c
SRCS  += src/net/tls_context.c src/net/tls_stream.c src/gateway/gateway_tls.c src/gateway/visitor_idle.c
TESTS += test_tls_stream test_tls_bytes test_tls_context e2e_gateway_tls test_tls_conn test_tls_refused test_tls_conf test_tls_client test_tls_link test_tls_threads test_conn_io e2e_tls
LDLIBS += -lssl -lcrypto
NEEDS += openssl/ssl.h:libssl-dev
SRCS += src/site/catalogue.c src/site/site_answer.c src/site/site_bodies.c src/site/site_cards.c src/site/site_content.c \
        src/site/site_db.c src/site/site_page.c src/site/site_render.c src/site/site_search.c src/site/site_server.c \
        src/site/site_snapshot.c src/site/site_sync.c src/site/site_template.c src/site/site_texts.c \
        src/site/site_visits.c
APPS  += lars-gateway
APPS  += showcase-node
LDLIBS += -lz
NEEDS += zlib.h:zlib1g-dev
TESTS += test_site_catalogue test_site_render test_site_db e2e_site.sh
PROGS += http_node
TESTS += test_admit_rule test_admit_queue test_visit test_cache_control test_cache test_cache_wait
TESTS += test_http_parse test_http_body test_http_head test_http_response test_http_write
TESTS += test_stream test_rules test_access_log test_node_pool test_portgroup e2e_gateway_bad
TESTS += e2e_gateway_drain test_listeners test_loop_load test_loop_rule test_lazy_timer
TESTS += e2e_gateway_cache e2e_gateway_confirm e2e_gateway_full
TESTS += test_signed_command test_drill_mark test_gateway_client test_gateway_change e2e_gateway_admin
TESTS += e2e_gateway_capacity
TESTS += e2e_gateway_reload test_generation
TESTS += e2e_gateway_ends test_outcome test_http_path
TESTS += e2e_gateway_upgrade test_handover
FUZZ  += fuzz_cache_control fuzz_drill_mark
FUZZ  += fuzz_rules fuzz_page_links
FUZZ  += fuzz_http_request fuzz_http_response fuzz_http_body
TESTS += e2e_gateway_faults e2e_gateway_services e2e_gateway_overload
ALONE += e2e_gateway_overload
CFLAGS += -isystem $(LLHTTP)/include
NEEDS  += $(LLHTTP)/include/llhttp/llhttp.h:node-llhttp
SRCS += src/gateway/gateway_module_metrics.c
# no descriptors or memory
SRCS  += src/gateway/shortage.c
TESTS += e2e_gateway_shortage
# larsctl gateway
SRCS  += src/ctl/cmd_gateway.c src/ctl/ctl_gateways.c src/ctl/request_log.c
TESTS += test_request_log e2e_gateway_ctl
# showcase-import and larsctl site
APPS  += showcase-import
SRCS  += src/site/import_audit.c src/site/import_csv.c src/site/import_db.c src/site/import_fault.c src/site/import_picture.c \
         src/site/import_sheet.c src/site/import_svg.c src/site/import_text.c \
         src/ops/site_change.c src/ctl/cmd_site.c src/ctl/site_copy.c
TESTS += test_import_csv test_import_picture e2e_import.sh e2e_site_users.sh
FUZZ  += fuzz_import_csv fuzz_import_picture
TESTS += e2e_browser_site.sh
ALONE += e2e_browser_site.sh
# the copy of the site, which serves when no node does
SRCS  += src/gateway/mirror.c src/gateway/mirror_draft.c src/gateway/page_links.c src/gateway/site_crawl.c src/gateway/site_fetch.c \
         src/gateway/static_copy.c src/gateway/static_notice.c src/gateway/visitor_static.c
TESTS += test_mirror test_page_links test_site_crawl e2e_gateway_static e2e_site_copy_ctl
# visitors without TLS are sent to https
TESTS += e2e_gateway_redirect
# a gateway that is started without an agent
TESTS += test_fallback e2e_gateway_alone
# what the autoscaler asks for
SRCS  += src/gateway/gateway_demand.c src/gateway/gateway_nodes.c src/gateway/node_times.c src/gateway/shares.c
TESTS += test_shares e2e_gateway_demand
# the loops of a gateway grow by themselves; alone, because it needs a processor
TESTS += e2e_gateway_loops
ALONE += e2e_gateway_loops
