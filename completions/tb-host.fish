# fish completion: what --help says is what is offered.
function __tb_host_offers
	set -l words
	for word in (commandline -opc)[2..]
		string match -q -- '-*' $word; and break
		set -a words $word
	end
	set -l help (tb-host $words --help 2>/dev/null)
	while test $status -ne 0 -a (count $words) -gt 0
		set -e words[-1]
		set help (tb-host $words --help 2>/dev/null)
	end
	string match -rg '^ +(--[a-z-]+)' -- $help
	string match -rg '^  ([a-z]+)  ' -- $help
end
complete -c tb-host -a '(__tb_host_offers)'
