/* The completion script for bash: the parts that never change, around a case a verb that sets what
 * its record says. Needs nothing but bash itself, version 4 or later. */
#include "completion.h"
#include "verbs.h"

#include <string.h>

static const char title[] =
    "# Completion of assay for bash, as `assay completion bash` prints it.\n"
    "# shellcheck shell=bash disable=SC2207,SC2034\n"
    "\n";

static const char record[] = "# What the verb $1 takes: sets flags, and for $2, a flag or the "
                             "number of an argument, what may\n"
                             "# stand there: kind, words, ending. A switch has no kind.\n"
                             "_assay_record()\n"
                             "{\n"
                             "    flags='' kind='' words='' ending=''\n"
                             "    case $1 in\n";

static const char after[] =
    "    esac\n"
    "}\n"
    "\n"
    "# Files and folders that begin with $1; files only with the ending $2.\n"
    "_assay_files()\n"
    "{\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    local IFS=$'\\n'\n"
    "    if [[ -n $2 ]]; then\n"
    "        COMPREPLY+=($(compgen -f -X \"!*$2\" -- \"$1\") $(compgen -d -- \"$1\"))\n"
    "    else\n"
    "        COMPREPLY+=($(compgen -f -- \"$1\"))\n"
    "    fi\n"
    "}\n"
    "\n"
    "# Short names of pulled models, and folders.\n"
    "_assay_models()\n"
    "{\n"
    "    local models=${ASSAY_HOME:-$HOME/.cache/assay}/models model\n"
    "    for model in \"$models\"/*/; do\n"
    "        model=${model%/}\n"
    "        model=${model##*/}\n"
    "        if [[ $model != '*' && $model == \"$1\"* ]]; then COMPREPLY+=(\"$model\"); fi\n"
    "    done\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    local IFS=$'\\n'\n"
    "    COMPREPLY+=($(compgen -d -- \"$1\"))\n"
    "}\n"
    "\n"
    "# By kind, words and ending, what begins with $1.\n"
    "_assay_fill()\n"
    "{\n"
    "    case $kind in\n"
    "    words)\n"
    "        COMPREPLY=($(compgen -W \"$words\" -- \"$1\"))\n"
    "        if [[ ${COMPREPLY[0]-} == *= ]]; then compopt -o nospace 2>/dev/null; fi\n"
    "        ;;\n"
    "    list)\n"
    "        local head=''\n"
    "        if [[ $1 == *,* ]]; then head=${1%,*},; fi\n"
    "        COMPREPLY=($(compgen -P \"$head\" -W \"$words\" -- \"${1##*,}\"))\n"
    "        ;;\n"
    "    files) _assay_files \"$1\" \"$ending\" ;;\n"
    "    folders)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        local IFS=$'\\n'\n"
    "        COMPREPLY=($(compgen -d -- \"$1\"))\n"
    "        ;;\n"
    "    models) _assay_models \"$1\" ;;\n"
    "    models_and_files)\n"
    "        _assay_models \"$1\"\n"
    "        _assay_files \"$1\" ''\n"
    "        ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "_assay()\n"
    "{\n"
    "    local flags kind words ending verb='' first=1 i count=0 word only=false\n"
    "    local current=${COMP_WORDS[COMP_CWORD]}\n"
    "    COMPREPLY=()\n"
    "    if [[ ${COMP_WORDS[1]-} == help ]]; then first=2; fi\n"
    "    if ((COMP_CWORD == 1)); then\n"
    "        COMPREPLY=($(compgen -W \"$_assay_verbs help --help --version\" -- \"$current\"))\n"
    "        return\n"
    "    elif ((COMP_CWORD == first)); then\n"
    "        COMPREPLY=($(compgen -W \"$_assay_verbs\" -- \"$current\"))\n"
    "        return\n"
    "    fi\n"
    "    verb=${COMP_WORDS[first]}\n"
    "    if [[ \" $_assay_groups \" == *\" $verb \"* ]]; then\n"
    "        if ((COMP_CWORD == first + 1)); then\n"
    "            _assay_group \"$verb\"\n"
    "            COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
    "            return\n"
    "        fi\n"
    "        verb+=\" ${COMP_WORDS[first + 1]}\"\n"
    "        ((first++))\n"
    "    fi\n"
    "    if [[ ${COMP_WORDS[1]} == help ]]; then return; fi\n"
    "    # The words behind the verb: bash has cut --flag=value and key=value at the sign.\n"
    "    for ((i = first + 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $word == -- ]]; then\n"
    "            only=true\n"
    "        elif ! $only && [[ $word == -?* ]]; then\n"
    "            _assay_record \"$verb\" \"$word\"\n"
    "            if [[ ${COMP_WORDS[i + 1]} == '=' ]]; then ((i++)); fi\n"
    "            if [[ -n $kind ]]; then\n"
    "                ((i++))\n"
    "                if ((i >= COMP_CWORD)); then\n"
    "                    if [[ $current == '=' ]]; then current=''; fi\n"
    "                    _assay_fill \"$current\"\n"
    "                    return\n"
    "                fi\n"
    "            fi\n"
    "        elif [[ ${COMP_WORDS[i + 1]} == '=' ]]; then\n"
    "            if ((i + 2 >= COMP_CWORD)); then\n"
    "                if ((i + 1 == COMP_CWORD)); then current=''; fi\n"
    "                kind=models_and_files\n"
    "                _assay_fill \"$current\"\n"
    "                return\n"
    "            fi\n"
    "            ((i += 2, count++))\n"
    "        else\n"
    "            ((count++))\n"
    "        fi\n"
    "    done\n"
    "    if ! $only && [[ $current == -* ]]; then\n"
    "        _assay_record \"$verb\" ''\n"
    "        COMPREPLY=($(compgen -W \"$flags\" -- \"$current\"))\n"
    "        return\n"
    "    fi\n"
    "    _assay_record \"$verb\" \"$count\"\n"
    "    _assay_fill \"$current\"\n"
    "}\n"
    "\n"
    "complete -F _assay assay\n";

static const char *const kinds[] = {
    [COMPLETE_NOTHING] = "nothing",
    [COMPLETE_WORDS] = "words",
    [COMPLETE_LIST] = "list",
    [COMPLETE_FILES] = "files",
    [COMPLETE_FOLDERS] = "folders",
    [COMPLETE_MODELS] = "models",
    [COMPLETE_MODELS_AND_FILES] = "models_and_files",
};

static void print_what(const struct completion *completion)
{
    printf(" kind=%s", kinds[completion->kind]);
    if (completion->words[0])
        printf(" words='%s'", completion->words);
    if (completion->ending)
        printf(" ending=%s", completion->ending);
    fputs(" ;;\n", stdout);
}

static void print_flag_names(const struct flag *flags)
{
    for (; flags && flags->name; flags++) {
        if (flags->letter)
            printf(" -%c", flags->letter);
        printf(" --%s", flags->name);
    }
}

static void print_flag_values(const struct flag *flags)
{
    struct completion completion;
    for (; flags && flags->name; flags++) {
        if (!flag_takes_value(flags))
            continue;
        completion_of_flag(&completion, flags);
        fputs("        ", stdout);
        if (flags->letter)
            printf("-%c | ", flags->letter);
        printf("--%s)", flags->name);
        print_what(&completion);
    }
}

static void print_verb(const struct verb *verb)
{
    struct completion completion;
    bool repeats = false;
    printf("    '%s')\n        flags='", verb->name);
    print_flag_names(verb->flags);
    print_flag_names(common_flags);
    fputs("'\n        case $2 in\n", stdout);
    print_flag_values(verb->flags);
    print_flag_values(common_flags);
    for (int i = 0; !repeats && completion_of_argument(&completion, verb, i, &repeats); i++) {
        if (repeats)
            printf("        [0-9]*)");
        else
            printf("        %d)", i);
        print_what(&completion);
    }
    fputs("        esac\n        ;;\n", stdout);
}

static void print_lists(void)
{
    fputs("_assay_verbs='", stdout);
    for (int i = 0; verb_at(i) && verb_at(i)->run; i++) {
        const char *name = verb_at(i)->name;
        if (!strchr(name, ' ') || verb_begins_group(i))
            printf(" %.*s", (int)strcspn(name, " "), name);
    }
    fputs("'\n_assay_groups='", stdout);
    for (int i = 0; verb_at(i) && verb_at(i)->run; i++) {
        if (verb_begins_group(i))
            printf(" %.*s", (int)strcspn(verb_at(i)->name, " "), verb_at(i)->name);
    }
    fputs("'\n\n# The second words that the group $1 has.\n_assay_group()\n{\n    case $1 in\n",
          stdout);
    for (int i = 0; verb_at(i) && verb_at(i)->run; i++) {
        const char *name = verb_at(i)->name, *space = strchr(name, ' ');
        if (!space)
            continue;
        if (verb_begins_group(i))
            printf("    %.*s)\n        words='", (int)(space - name), name);
        printf(" %s", space + 1);
        if (!verb_continues_group(i + 1))
            fputs("'\n        ;;\n", stdout);
    }
    fputs("    esac\n}\n\n", stdout);
}

void completion_print_bash(void)
{
    fputs(title, stdout);
    print_lists();
    fputs(record, stdout);
    for (int i = 0; verb_at(i) && verb_at(i)->run; i++)
        print_verb(verb_at(i));
    fputs(after, stdout);
}
