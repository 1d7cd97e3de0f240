"""Links to the preference page, the visits by them, what browsers signal, and the switch that decides on it."""

import apps.consents.models.browsers
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_a_scope_for_the_gate'),
        ('consents', '0004_known_acts_and_ways'),
        ('policies', '0002_published_never_changes'),
    ]

    operations = [
        migrations.CreateModel(
            name='LinkRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(help_text='Required. Held to know who somebody is when they ask.', max_length=254)),
                ('asked_at', models.DateTimeField()),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'request for a link',
                'verbose_name_plural': 'requests for links',
                'ordering': ['id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='AccessLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('preferences', 'the preference page')], max_length=20)),
                ('way', models.CharField(choices=[('mail', 'by e-mail'), ('product', 'by the product')], max_length=10)),
                ('token_hash', models.BinaryField(max_length=32, unique=True)),
                ('made_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('spent_at', models.DateTimeField(null=True)),
                ('person', models.ForeignKey(help_text='Required. Held to know who somebody is when they ask.', on_delete=django.db.models.deletion.CASCADE, related_name='access_links', to='accounts.person')),
            ],
            options={
                'verbose_name': 'link',
                'ordering': ['id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='SeenSignal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('signal', models.CharField(choices=[('gpc', 'Global Privacy Control'), ('dnt', 'Do Not Track')], max_length=5)),
                ('answer', models.CharField(choices=[('noted', 'noted, and not acted on'), ('honoured', 'honoured')], max_length=10)),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('person', models.ForeignKey(help_text='Required. Held to keep the law and to prove that it was kept.', on_delete=django.db.models.deletion.CASCADE, related_name='signals', to='accounts.person')),
                ('policy_version', models.ForeignKey(help_text='In force when it came first.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
            ],
            options={
                'verbose_name': 'signal of a browser',
                'verbose_name_plural': 'signals of browsers',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='SignalEffect',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('effect', models.CharField(choices=[('refused', 'counted as a no'), ('conflict', 'left alone: allowed expressly')], max_length=10)),
                ('consent_event', models.CharField(help_text='What was said, or what stands against it, by reference.', max_length=20, verbose_name='consent')),
                ('at', models.DateTimeField()),
                ('purpose', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='consents.consentpurpose')),
                ('seen', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='effects', to='consents.seensignal')),
            ],
            options={
                'verbose_name': 'effect of a signal',
                'verbose_name_plural': 'effects of signals',
                'ordering': ['id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='SignalSwitch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.consents.models.browsers.switch_reference, editable=False, max_length=20, unique=True)),
                ('is_honoured', models.BooleanField(help_text='Whether Global Privacy Control counts as a no to disclosures.', verbose_name='honoured')),
                ('from_at', models.DateTimeField(help_text='From then on, or from the approval where that comes later.', verbose_name='from')),
                ('reason', models.CharField(help_text='Why. Name people by their references.', max_length=500)),
                ('state', models.CharField(choices=[('asked', 'waits for a second person'), ('approved', 'approved'), ('rejected', 'rejected')], default='asked', max_length=10)),
                ('asked_by', models.CharField(editable=False, help_text='A member of staff, by reference.', max_length=60)),
                ('asked_at', models.DateTimeField(editable=False)),
                ('decided_by', models.CharField(blank=True, editable=False, help_text='A member of staff, by reference.', max_length=60)),
                ('decided_at', models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                'verbose_name': 'switch for browser signals',
                'verbose_name_plural': 'switches for browser signals',
                'ordering': ['-id'],
                'permissions': [('approve_signalswitch', 'Can approve or reject a switch for browser signals that somebody else asked for')],
                'indexes': [models.Index(fields=['asked_at', 'id'], name='signal_switch_by_asking')],
                'constraints': [models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='a_switch_says_why'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('decided_by', ''), ('state', 'asked')), models.Q(models.Q(('state', 'asked'), _negated=True), models.Q(('decided_by', ''), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='a_decided_switch_says_who_and_when'), models.CheckConstraint(condition=models.Q(('decided_by', ''), models.Q(('decided_by', models.F('asked_by')), _negated=True), _connector='OR'), name='nobody_decides_the_switch_they_asked_for'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'approved'), _negated=True), ('from_at__gte', models.F('decided_at')), _connector='OR'), name='a_switch_counts_from_its_approval_at_the_earliest'), models.UniqueConstraint(condition=models.Q(('state', 'asked')), fields=('state',), name='one_switch_waits_at_a_time')],
            },
        ),
        migrations.AddField(
            model_name='seensignal',
            name='switch',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='consents.signalswitch'),
        ),
        migrations.CreateModel(
            name='Visit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token_hash', models.BinaryField(max_length=32, unique=True)),
                ('began_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('link', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='visit', to='consents.accesslink')),
                ('person', models.ForeignKey(help_text='Required. Held to know who somebody is when they ask.', on_delete=django.db.models.deletion.CASCADE, related_name='visits', to='accounts.person')),
            ],
            options={
                'ordering': ['id'],
                'default_permissions': (),
            },
        ),
        migrations.AddIndex(
            model_name='accesslink',
            index=models.Index(fields=['person', 'made_at'], name='link_by_person'),
        ),
        migrations.AddIndex(
            model_name='accesslink',
            index=models.Index(fields=['expires_at'], name='link_by_end'),
        ),
        migrations.AddConstraint(
            model_name='accesslink',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('made_at'))), name='a_link_ends_after_it_was_made'),
        ),
        migrations.AddConstraint(
            model_name='accesslink',
            constraint=models.CheckConstraint(condition=models.Q(('spent_at__isnull', True), models.Q(('spent_at__gte', models.F('made_at')), ('spent_at__lt', models.F('expires_at'))), _connector='OR'), name='a_link_is_spent_while_it_lives'),
        ),
        migrations.AddConstraint(
            model_name='signaleffect',
            constraint=models.UniqueConstraint(fields=('seen', 'purpose', 'effect', 'consent_event'), name='a_signal_does_a_thing_once'),
        ),
        migrations.AddIndex(
            model_name='seensignal',
            index=models.Index(fields=['first_at', 'id'], name='signal_by_time'),
        ),
        migrations.AddConstraint(
            model_name='seensignal',
            constraint=models.UniqueConstraint(fields=('person', 'signal', 'policy_version', 'switch', 'answer'), name='a_signal_is_answered_once_per_policy_and_switch', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='seensignal',
            constraint=models.CheckConstraint(condition=models.Q(('answer', 'noted'), models.Q(('signal', 'gpc'), ('switch__isnull', False)), _connector='OR'), name='only_gpc_is_honoured_and_by_a_switch'),
        ),
        migrations.AddConstraint(
            model_name='seensignal',
            constraint=models.CheckConstraint(condition=models.Q(('last_at__gte', models.F('first_at'))), name='a_signal_was_seen_last_after_first'),
        ),
        migrations.AddIndex(
            model_name='visit',
            index=models.Index(fields=['expires_at'], name='visit_by_end'),
        ),
        migrations.AddConstraint(
            model_name='visit',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('began_at'))), name='a_visit_ends_after_it_began'),
        ),
    ]
