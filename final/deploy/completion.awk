# completion.awk -- bash completion from the tables of a program.
#     build/larsctl --describe | awk -f deploy/completion.awk >larsctl
# Options are offered after a dash; the words of a command (larsctl) one after another.
# Everything else, such as the argument of an option, is left to bash: it offers files.
BEGIN { FS = "\t" }

$1 == "program" { name = $2 }
$1 == "option" {
    options = options (options ? " " : "") $3
    if ($4 != "")
        with = with (with ? "|" : "") ($2 != "" ? $2 "|" : "") $3
}
$1 == "command" && $2 !~ /[^a-z -]/ { commands = commands "        '" $2 "'\n" }

END {
    fn = name
    gsub(/-/, "_", fn)
    print "# bash completion for " name
    print "_" fn "() {"
    print "    local cur=${COMP_WORDS[COMP_CWORD]}"
    if (with) {
        print "    case ${COMP_WORDS[COMP_CWORD - 1]} in"
        print "    " with ") return ;;"
        print "    esac"
    }
    print "    if [[ $cur == -* ]]; then"
    print "        mapfile -t COMPREPLY < <(compgen -W '" options "' -- \"$cur\")"
    print "        return"
    print "    fi"
    if (commands) {
        print "    local i command='' line all=("
        printf "%s", commands
        print "    )"
        print "    for ((i = 1; i < COMP_CWORD; i++)); do"
        print "        case ${COMP_WORDS[i]} in"
        print "        " with ") i=$((i + 1)) ;;"
        print "        -*|watch) ;;"
        print "        *) command+=\"${COMP_WORDS[i]} \" ;;"
        print "        esac"
        print "    done"
        print "    for line in \"${all[@]}\"; do"
        print "        [[ $line == \"$command$cur\"* ]] || continue"
        print "        line=${line#\"$command\"}"
        print "        COMPREPLY+=(\"${line%% *}\")"
        print "    done"
        print "    mapfile -t COMPREPLY < <(printf '%s\\n' \"${COMPREPLY[@]}\" | sort -u)"
        print "    [[ ${COMPREPLY[0]} ]] || COMPREPLY=()"
    }
    print "}"
    print "complete -o bashdefault -o default -F _" fn " " name
}
